/*
 * The air that harness processes of one computer share: UDP multicast on the loopback interface.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AIR_H
#define AIR_H

#include "../core/mfd.h"

struct air {
	int socket;
	/* Who sends: to know its own datagrams. */
	uint64_t self;
	/* Address and port of the group. */
	uint8_t group[4];
	uint16_t port;
};

/* One advertising event on its way, times on CLOCK_MONOTONIC in microseconds. */
struct air_event {
	uint64_t start_us;
	uint64_t end_us;
	struct mfd_event event;
};

/* `where`: "PORT" or "A.B.C.D:PORT". False: errno or a message on standard error says why. */
bool air_open(struct air *air, const char *where, uint64_t self);
void air_send(const struct air *air, const struct air_event *event);
/* False: nothing (more) to receive. Own events and what is none are passed over. */
bool air_receive(const struct air *air, struct air_event *event);

/* Between two packets of one event: what the radio takes to change the channel. */
#define AIR_GAP_US 150

/* Time on air of an advertising packet with so much data, LE 1M. */
static inline uint32_t air_packet_us(size_t data_length)
{
	return (uint32_t)(8 * (16 + data_length));
}

/* From the start of the first packet of an event to the end of its last. */
static inline uint32_t air_event_us(uint8_t channels, size_t data_length)
{
	uint32_t packets = (channels & 1u) + (channels >> 1 & 1u) + (channels >> 2 & 1u);
	return packets * (air_packet_us(data_length) + AIR_GAP_US) - AIR_GAP_US;
}

#endif
