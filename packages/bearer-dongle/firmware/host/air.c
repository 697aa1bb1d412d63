/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "air.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/mfd_wire.h"

#define MAGIC 0x3141464d /* "MFA1" */
#define DATAGRAM_MIN 36
/* Enough for a burst while another process of this computer has the processor. */
#define BUFFER (1 << 20)

static bool fail(const char *what)
{
	fprintf(stderr, "air: %s: %s\n", what, strerror(errno));
	return false;
}

static bool parse(struct air *air, const char *where)
{
	char text[16] = "239.77.70.68";
	const char *colon = strchr(where, ':');
	const char *digits = colon == NULL ? where : colon + 1;
	if (colon != NULL) {
		size_t length = (size_t)(colon - where);
		if (length >= sizeof text) {
			return false;
		}
		memcpy(text, where, length);
		text[length] = 0;
	}
	char *end = NULL;
	unsigned long port = strtoul(digits, &end, 10);
	struct in_addr address;
	if (*digits == 0 || *end != 0 || port == 0 || port > 65535 || inet_pton(AF_INET, text, &address) != 1) {
		return false;
	}
	memcpy(air->group, &address, 4);
	air->port = (uint16_t)port;
	return true;
}

static struct sockaddr_in address_of(const struct air *air)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(air->port)};
	memcpy(&address.sin_addr, air->group, 4);
	return address;
}

bool air_open(struct air *air, const char *where, uint64_t self)
{
	air->self = self;
	if (!parse(air, where)) {
		fprintf(stderr, "air: \"%s\" is no PORT and no A.B.C.D:PORT\n", where);
		return false;
	}
	int yes = 1;
	int size = BUFFER;
	struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
	struct ip_mreq membership = {.imr_interface = loopback};
	memcpy(&membership.imr_multiaddr, air->group, 4);
	struct sockaddr_in address = address_of(air);
	air->socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (air->socket < 0) {
		return fail("socket");
	}
	(void)setsockopt(air->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(air->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
#ifdef SO_REUSEPORT
	    setsockopt(air->socket, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) < 0 ||
#endif
	    bind(air->socket, (struct sockaddr *)&address, sizeof address) < 0) {
		return fail("bind");
	}
	if (setsockopt(air->socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) < 0 ||
	    setsockopt(air->socket, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) < 0 ||
	    setsockopt(air->socket, IPPROTO_IP, IP_MULTICAST_LOOP, &yes, sizeof yes) < 0) {
		return fail("multicast");
	}
	return fcntl(air->socket, F_SETFL, O_NONBLOCK) >= 0 || fail("fcntl");
}

void air_send(const struct air *air, const struct air_event *on_air)
{
	const struct mfd_event *event = &on_air->event;
	uint8_t datagram[DATAGRAM_MIN + MFD_AD_MAX] = {0};
	mfd_put32(datagram, MAGIC);
	mfd_put64(datagram + 4, air->self);
	mfd_put64(datagram + 12, on_air->start_us);
	mfd_put64(datagram + 20, on_air->end_us);
	datagram[28] = event->channels;
	datagram[29] = (uint8_t)event->power;
	memcpy(datagram + 30, event->address, 6);
	memcpy(datagram + DATAGRAM_MIN, event->data, event->length);
	struct sockaddr_in address = address_of(air);
	(void)sendto(air->socket, datagram, DATAGRAM_MIN + event->length, 0, (struct sockaddr *)&address, sizeof address);
}

bool air_receive(const struct air *air, struct air_event *on_air)
{
	uint8_t datagram[DATAGRAM_MIN + MFD_AD_MAX + 1];
	for (;;) {
		ssize_t size = recv(air->socket, datagram, sizeof datagram, 0);
		if (size < 0) {
			return false;
		}
		size_t length = (size_t)size;
		if (length < DATAGRAM_MIN || length > DATAGRAM_MIN + MFD_AD_MAX || mfd_get32(datagram) != MAGIC ||
		    mfd_get64(datagram + 4) == air->self) {
			continue;
		}
		struct mfd_event *event = &on_air->event;
		on_air->start_us = mfd_get64(datagram + 12);
		on_air->end_us = mfd_get64(datagram + 20);
		event->at_us = on_air->start_us;
		event->channels = datagram[28];
		event->power = (int8_t)datagram[29];
		memcpy(event->address, datagram + 30, 6);
		event->length = (uint8_t)(length - DATAGRAM_MIN);
		memcpy(event->data, datagram + DATAGRAM_MIN, event->length);
		return true;
	}
}
