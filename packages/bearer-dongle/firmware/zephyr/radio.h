/*
 * The 2.4 GHz radio of the nRF52840 as an advertiser and passive scanner. NOT BUILT YET: see PROTOCOL.md, 10.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RADIO_H
#define RADIO_H

#include "mfd.h"

/* `wake` is called in interrupts when there is something to take. */
void radio_init(void (*wake)(void));

/* Microseconds since radio_init. To be called at least once an hour. */
uint64_t radio_now(void);

/* Sends an event: from `at_us` on, by the clock of the hardware, where that is still ahead. */
void radio_transmit(const struct mfd_event *event);
void radio_listen(bool on);

/* True once for each event that has been sent. */
bool radio_take_transmitted(uint64_t *start_us, uint64_t *end_us);
/* True while there are packets that were received. */
bool radio_take_packet(struct mfd_packet *packet);
/* Packets for which there was no place, since the last call. */
uint32_t radio_take_lost(void);
/* Changes the channel when it is time; returns when to call again, UINT64_MAX while nothing is listened to. */
uint64_t radio_poll(void);

#endif
