/* SPDX-License-Identifier: Apache-2.0 */
#include "mfd_queue.h"

#include <string.h>

#include "mfd_wire.h"

/* The radio is told so much ahead of the time, so that it can be on air exactly then. */
#define AHEAD_US 300

static struct mfd_slot *find(struct mfd *mfd, enum mfd_slot_state state)
{
	for (size_t i = 0; i < MFD_QUEUE; i++) {
		if (mfd->slots[i].state == state) {
			return &mfd->slots[i];
		}
	}
	return NULL;
}

/* A non-resolvable private address: two most significant bits 0, the others neither all 0 nor all 1. */
static void draw_address(struct mfd *mfd, uint8_t address[6])
{
	const struct mfd_port *port = mfd->port;
	uint32_t low = port->random(port->context);
	uint16_t high = port->random(port->context) & 0x3fff;
	if ((low == 0 && high == 0) || (low == 0xffffffff && high == 0x3fff)) {
		high ^= 1;
	}
	mfd_put32(address, low);
	mfd_put16(address + 4, high);
}

enum mfd_outcome mfd_queue_add(struct mfd *mfd, const uint8_t *message, size_t length)
{
	uint64_t now = mfd->port->now(mfd->port->context);
	size_t data_length = length - MFD_SEND_SIZE;
	uint8_t count = message[3];
	uint32_t interval = mfd_get32(message + 4);
	uint64_t earliest = mfd_get64(message + 10);
	uint8_t channels = message[18];
	if (data_length == 0 || data_length > MFD_AD_MAX || count == 0 || interval > MFD_INTERVAL_MAX_US ||
	    channels == 0 || channels > 7 || (earliest > now && earliest - now > MFD_AHEAD_MAX_US)) {
		return MFD_REFUSED;
	}
	struct mfd_slot *slot = find(mfd, MFD_SLOT_FREE);
	if (slot == NULL) {
		return MFD_QUEUE_FULL;
	}
	memset(slot, 0, sizeof *slot);
	slot->state = MFD_SLOT_WAITING;
	slot->id = mfd_get16(message + 1);
	slot->count = count;
	slot->interval_us = interval;
	slot->delay_us = mfd_get16(message + 8);
	slot->due_us = earliest > now ? earliest : now;
	slot->order = mfd->order++;
	slot->event.channels = channels;
	slot->event.power = (int8_t)message[19];
	slot->event.length = (uint8_t)data_length;
	memcpy(slot->event.data, message + MFD_SEND_SIZE, data_length);
	draw_address(mfd, slot->event.address);
	return MFD_SENT;
}

static void finish(struct mfd_slot *slot, enum mfd_outcome outcome)
{
	slot->outcome = outcome;
	slot->state = MFD_SLOT_DONE;
}

void mfd_queue_cancel(struct mfd *mfd, uint16_t id)
{
	for (size_t i = 0; i < MFD_QUEUE; i++) {
		struct mfd_slot *slot = &mfd->slots[i];
		if (slot->id != id) {
			continue;
		}
		if (slot->state == MFD_SLOT_WAITING) {
			finish(slot, MFD_CANCELLED);
		} else if (slot->state == MFD_SLOT_ON_AIR) {
			slot->is_cancelled = true; /* this event is the last */
		}
	}
}

void mfd_queue_clear(struct mfd *mfd)
{
	for (size_t i = 0; i < MFD_QUEUE; i++) {
		mfd->slots[i].state = MFD_SLOT_FREE;
	}
}

/* Of `a` and `b`, which goes first. */
static bool is_before(const struct mfd_slot *a, const struct mfd_slot *b)
{
	if (a->due_us != b->due_us) {
		return a->due_us < b->due_us;
	}
	return (int32_t)(a->order - b->order) < 0;
}

uint64_t mfd_queue_poll(struct mfd *mfd, uint64_t now_us)
{
	if (mfd->is_on_air) {
		return UINT64_MAX; /* mfd_transmitted wakes */
	}
	struct mfd_slot *first = NULL;
	for (size_t i = 0; i < MFD_QUEUE; i++) {
		struct mfd_slot *slot = &mfd->slots[i];
		if (slot->state == MFD_SLOT_WAITING && (first == NULL || is_before(slot, first))) {
			first = slot;
		}
	}
	if (first == NULL) {
		return UINT64_MAX;
	}
	uint64_t at = first->due_us > mfd->free_at_us ? first->due_us : mfd->free_at_us;
	if (at > now_us + AHEAD_US) {
		return at - AHEAD_US;
	}
	first->state = MFD_SLOT_ON_AIR;
	first->event.at_us = at > now_us ? at : now_us;
	mfd->is_on_air = true;
	mfd->port->transmit(mfd->port->context, &first->event);
	return UINT64_MAX;
}

/* 0 to `most`, both included, each as likely within 1 in 65536. */
static uint32_t draw_delay(struct mfd *mfd, uint16_t most)
{
	uint32_t chance = mfd->port->random(mfd->port->context) >> 16;
	return (chance * ((uint32_t)most + 1)) >> 16;
}

void mfd_transmitted(struct mfd *mfd, uint64_t start_us, uint64_t end_us)
{
	mfd->is_on_air = false;
	mfd->free_at_us = end_us + mfd->identity->pause_us;
	struct mfd_slot *slot = find(mfd, MFD_SLOT_ON_AIR);
	if (slot == NULL) {
		return; /* of a session that has ended */
	}
	if (slot->sent == 0) {
		slot->start_us = start_us;
	}
	slot->sent++;
	slot->end_us = end_us;
	if (slot->sent == slot->count) {
		finish(slot, MFD_SENT);
	} else if (slot->is_cancelled) {
		finish(slot, MFD_CANCELLED);
	} else {
		slot->due_us = start_us + slot->interval_us + draw_delay(mfd, slot->delay_us);
		slot->state = MFD_SLOT_WAITING;
	}
}
