/*
 * The queue of a dongle: which copy goes on air when. Internal.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MFD_QUEUE_H
#define MFD_QUEUE_H

#include "mfd.h"

/* A SEND of at least MFD_SEND_SIZE octets. Returns the outcome if that is known at once, MFD_SENT if it is queued. */
enum mfd_outcome mfd_queue_add(struct mfd *mfd, const uint8_t *message, size_t length);

void mfd_queue_cancel(struct mfd *mfd, uint16_t id);

/* Forgets everything; what is on air ends unreported. */
void mfd_queue_clear(struct mfd *mfd);

/* Starts the copy that is due, if any; returns when to come again. */
uint64_t mfd_queue_poll(struct mfd *mfd, uint64_t now_us);

#endif
