/*
 * What a dongle says to its host, as far as there is room on the line. Internal.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MFD_OUTPUT_H
#define MFD_OUTPUT_H

#include "mfd.h"

/* Says what waits, in a fixed order, until the line is full. */
void mfd_output_flush(struct mfd *mfd);

/* HEARD. False: there was no room for it beside what must not be lost. */
bool mfd_output_heard(struct mfd *mfd, const struct mfd_packet *packet);

/* REPORT of a SEND that got no slot. Lost when there is no room: the next STATE tells the host. */
void mfd_output_refusal(struct mfd *mfd, uint16_t id, enum mfd_outcome outcome);

#endif
