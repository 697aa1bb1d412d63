/*
 * The dongle as a process: the portable core on a pseudo-terminal, with an air shared by all such processes of this
 * computer. PROTOCOL.md, 9, tells how it is used.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _DEFAULT_SOURCE
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/mfd.h"
#include "air.h"
#include "line.h"

/* How long the receiver stays on one channel. */
#define SCAN_WINDOW_US 30000
#define PAUSE_US 150
#define RECENT 16
#define RESET_AFTER_US 1000

struct harness {
	struct mfd mfd;
	struct line line;
	struct air air;
	bool has_air;
	double loss;
	bool is_half_duplex;
	/* The clock of the dongle: its zero on CLOCK_MONOTONIC, and how much too fast it is. */
	uint64_t zero_us;
	double drift;
	uint64_t chance;
	bool is_listening;
	/* On air at present, times on CLOCK_MONOTONIC. */
	bool is_sending;
	struct air_event sending;
	/* The last own events, which a half-duplex radio does not hear through. */
	struct air_event recent[RECENT];
	size_t recent_at;
	bool restarts;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t host_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static uint64_t to_dongle(const struct harness *harness, uint64_t host_us)
{
	double since = (double)(int64_t)(host_us - harness->zero_us) * harness->drift;
	return since < 0 ? 0 : (uint64_t)since;
}

static uint64_t to_host(const struct harness *harness, uint64_t dongle_us)
{
	return harness->zero_us + (uint64_t)((double)dongle_us / harness->drift);
}

static uint64_t port_now(void *context)
{
	return to_dongle(context, host_now());
}

/* xorshift64*. */
static uint32_t port_random(void *context)
{
	struct harness *harness = context;
	harness->chance ^= harness->chance >> 12;
	harness->chance ^= harness->chance << 25;
	harness->chance ^= harness->chance >> 27;
	return (uint32_t)((harness->chance * 0x2545f4914f6cdd1dULL) >> 32);
}

static size_t port_room(void *context)
{
	return line_room(&((struct harness *)context)->line);
}

static void port_write(void *context, const uint8_t *octets, size_t length)
{
	line_write(&((struct harness *)context)->line, octets, length);
}

static void port_transmit(void *context, const struct mfd_event *event)
{
	struct harness *harness = context;
	uint64_t now = host_now();
	uint64_t at = to_host(harness, event->at_us);
	struct air_event *sending = &harness->sending;
	sending->event = *event;
	sending->start_us = at > now ? at : now;
	sending->end_us = sending->start_us + air_event_us(event->channels, event->length);
	harness->is_sending = true;
}

static void port_listen(void *context, bool on)
{
	((struct harness *)context)->is_listening = on;
}

static void port_restart(void *context, enum mfd_restart mode)
{
	(void)mode;
	((struct harness *)context)->restarts = true;
}

static void end_transmission(struct harness *harness)
{
	const struct air_event *sent = &harness->sending;
	harness->is_sending = false;
	harness->recent[harness->recent_at++ % RECENT] = *sent;
	if (harness->has_air) {
		air_send(&harness->air, sent);
	}
	mfd_transmitted(&harness->mfd, to_dongle(harness, sent->start_us), to_dongle(harness, sent->end_us));
}

static bool overlaps(const struct air_event *a, const struct air_event *b)
{
	return a->start_us < b->end_us && b->start_us < a->end_us;
}

static bool is_deaf(const struct harness *harness, const struct air_event *event)
{
	if (!harness->is_half_duplex) {
		return false;
	}
	for (size_t i = 0; i < RECENT; i++) {
		if (overlaps(&harness->recent[i], event)) {
			return true;
		}
	}
	return harness->is_sending && overlaps(&harness->sending, event);
}

static bool is_lost(struct harness *harness)
{
	return harness->loss > 0 && port_random(harness) / 4294967296.0 < harness->loss;
}

/* An event of another dongle: heard on the channel that is being listened to. */
static void hear(struct harness *harness, const struct air_event *on_air)
{
	const struct mfd_event *event = &on_air->event;
	uint32_t index = (uint32_t)(on_air->start_us / SCAN_WINDOW_US % 3);
	if (!harness->is_listening || !(event->channels >> index & 1) || is_deaf(harness, on_air) || is_lost(harness)) {
		return;
	}
	uint8_t channels_so_far = event->channels & (uint8_t)((2u << index) - 1);
	struct mfd_packet packet = {
		.time_us = to_dongle(harness, on_air->start_us + air_event_us(channels_so_far, event->length)),
		.channel = (uint8_t)(37 + index),
		.rssi = -40,
		.is_random_address = true,
		.length = event->length,
	};
	memcpy(packet.address, event->address, sizeof packet.address);
	memcpy(packet.data, event->data, event->length);
	mfd_heard(&harness->mfd, &packet);
}

static const struct mfd_port PORT_FUNCTIONS = {
	.now = port_now,
	.random = port_random,
	.room = port_room,
	.write = port_write,
	.transmit = port_transmit,
	.listen = port_listen,
	.restart = port_restart,
};

static void wait_for_work(struct harness *harness, uint64_t until_us)
{
	uint64_t now = host_now();
	uint64_t most = 1000000;
	if (harness->is_sending && harness->sending.end_us < until_us) {
		until_us = harness->sending.end_us;
	}
	if (until_us < now + most) {
		most = until_us > now ? until_us - now : 0;
	}
	if (line_is_paced(&harness->line) && most > 1000) {
		most = 1000;
	}
	struct line *line = &harness->line;
	bool paced = line_is_paced(line);
	short events = (short)((paced ? 0 : POLLIN) | (line->length > 0 && !paced ? POLLOUT : 0));
	struct pollfd polled[3] = {
		{.fd = line->descriptor, .events = events},
		{.fd = line->listener, .events = POLLIN},
		{.fd = harness->has_air ? harness->air.socket : -1, .events = POLLIN},
	};
	struct timespec timeout = {.tv_sec = (time_t)(most / 1000000), .tv_nsec = (long)(most % 1000000) * 1000};
	(void)ppoll(polled, 3, &timeout, NULL);
	if (polled[1].revents != 0) {
		line_accept(line);
	}
}

static void run(struct harness *harness, const struct mfd_port *port, const struct mfd_identity *identity)
{
	pid_t parent = getppid();
	mfd_init(&harness->mfd, port, identity, MFD_BOOT_POWER);
	while (!stopped && getppid() == parent) {
		uint8_t octets[512];
		uint64_t now = host_now();
		if (harness->is_sending && now >= harness->sending.end_us) {
			end_transmission(harness);
		}
		struct air_event event;
		while (harness->has_air && air_receive(&harness->air, &event)) {
			hear(harness, &event);
		}
		for (size_t size; (size = line_read(&harness->line, octets, sizeof octets, now)) > 0;) {
			mfd_receive(&harness->mfd, octets, size);
		}
		if (harness->restarts) {
			harness->restarts = false;
			harness->is_sending = false;
			harness->is_listening = false;
			usleep(RESET_AFTER_US);
			mfd_init(&harness->mfd, port, identity, MFD_BOOT_REQUESTED);
		}
		uint64_t next = mfd_poll(&harness->mfd);
		line_flush(&harness->line, host_now());
		wait_for_work(harness, next == UINT64_MAX ? UINT64_MAX : to_host(harness, next));
	}
}

static const char USAGE[] =
	"usage: mfd-harness [--air [A.B.C.D:]PORT] [--unix PATH] [--link PATH] [--name NAME] [--loss 0..1]\n"
	"                   [--half-duplex] [--drift PPM] [--baud RATE] [--seed NUMBER]\n";

static const struct option OPTIONS[] = {
	{"air", required_argument, NULL, 'a'},    {"unix", required_argument, NULL, 'u'},
	{"link", required_argument, NULL, 'l'},   {"name", required_argument, NULL, 'n'},
	{"loss", required_argument, NULL, 'p'},   {"half-duplex", no_argument, NULL, 'h'},
	{"drift", required_argument, NULL, 'd'},  {"baud", required_argument, NULL, 'b'},
	{"seed", required_argument, NULL, 's'},   {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
	static struct harness harness;
	const char *air = NULL;
	const char *socket_path = NULL;
	const char *link_path = NULL;
	const char *name = "Meshferry dongle on a PTY";
	double baud = 0;
	uint64_t seed = host_now() ^ (uint64_t)getpid() << 40;
	harness.drift = 1;
	for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
		switch (option) {
		case 'a': air = optarg; break;
		case 'u': socket_path = optarg; break;
		case 'l': link_path = optarg; break;
		case 'n': name = optarg; break;
		case 'p': harness.loss = atof(optarg); break;
		case 'h': harness.is_half_duplex = true; break;
		case 'd': harness.drift = 1 + atof(optarg) / 1e6; break;
		case 'b': baud = atof(optarg); break;
		case 's': seed = strtoull(optarg, NULL, 10); break;
		default: fputs(USAGE, stderr); return 2;
		}
	}
	harness.chance = seed * 0x9e3779b97f4a7c15ULL + 1;
	harness.line.rate = baud / 10; /* start bit, eight bits, stop bit */
	if (!(socket_path == NULL ? line_open_pty(&harness.line) : line_open_unix(&harness.line, socket_path))) {
		return 1;
	}
	harness.has_air = air != NULL;
	uint64_t self = (uint64_t)getpid() << 32 | port_random(&harness);
	if (harness.has_air && !air_open(&harness.air, air, self)) {
		return 1;
	}
	if (link_path != NULL) {
		(void)unlink(link_path);
		if (symlink(harness.line.path, link_path) < 0) {
			perror(link_path);
			return 1;
		}
	}
	struct mfd_port port = PORT_FUNCTIONS;
	port.context = &harness;
	struct mfd_identity identity = {
		.version = {1, 0, 0},
		.event_us = (uint16_t)(air_event_us(7, MFD_AD_MAX) + PAUSE_US),
		.pause_us = PAUSE_US,
		.capabilities = MFD_CAN_SET_POWER,
		.power_min = -40,
		.power_max = 8,
		.name = name,
	};
	memcpy(identity.chip_id, &self, sizeof self);
	harness.zero_us = host_now() - (uint64_t)port_random(&harness);
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	signal(SIGPIPE, SIG_IGN);
	puts(harness.line.path);
	fflush(stdout);
	run(&harness, &port, &identity);
	if (link_path != NULL) {
		(void)unlink(link_path);
	}
	if (socket_path != NULL) {
		(void)unlink(socket_path);
	}
	return 0;
}
