/* SPDX-License-Identifier: Apache-2.0 */
#include "mfd_output.h"

#include <string.h>

#include "mfd_wire.h"

/* HEARD leaves so much of the line to answers and reports: two of the longest. */
#define RESERVE (2 * MFD_FRAME_MAX)
#define NAME_MAX 32

/* False: no room; nothing is written then. */
static bool say(struct mfd *mfd, const uint8_t *message, size_t length)
{
	uint8_t frame[MFD_FRAME_MAX];
	const struct mfd_port *port = mfd->port;
	if (port->room(port->context) < length + MFD_FRAME_MAX - MFD_MESSAGE_MAX) {
		return false;
	}
	port->write(port->context, frame, mfd_frame(message, length, frame));
	return true;
}

static bool say_boot(struct mfd *mfd)
{
	const uint8_t message[MFD_BOOT_SIZE] = {MFD_BOOT, MFD_PROTOCOL_MAJOR, MFD_PROTOCOL_MINOR, mfd->boot_reason};
	return say(mfd, message, sizeof message);
}

static bool say_info(struct mfd *mfd)
{
	const struct mfd_identity *identity = mfd->identity;
	uint8_t message[MFD_INFO_SIZE + NAME_MAX] = {MFD_INFO};
	size_t name = strlen(identity->name);
	name = name < NAME_MAX ? name : NAME_MAX;
	mfd_put32(message + 1, mfd->nonce);
	message[5] = MFD_PROTOCOL_MAJOR;
	message[6] = MFD_PROTOCOL_MINOR;
	memcpy(message + 7, identity->version, 3);
	message[10] = MFD_QUEUE;
	message[11] = MFD_TYPES;
	mfd_put16(message + 12, identity->event_us);
	mfd_put16(message + 14, identity->capabilities);
	message[16] = (uint8_t)identity->power_min;
	message[17] = (uint8_t)identity->power_max;
	mfd_put64(message + 18, mfd->port->now(mfd->port->context));
	memcpy(message + 26, identity->chip_id, 8);
	memcpy(message + MFD_INFO_SIZE, identity->name, name);
	return say(mfd, message, MFD_INFO_SIZE + name);
}

static bool say_report(struct mfd *mfd, const struct mfd_slot *slot)
{
	uint8_t message[MFD_REPORT_SIZE] = {MFD_REPORT};
	mfd_put16(message + 1, slot->id);
	message[3] = (uint8_t)slot->outcome;
	message[4] = slot->sent;
	mfd_put64(message + 5, slot->start_us);
	mfd_put64(message + 13, slot->end_us);
	return say(mfd, message, sizeof message);
}

static bool say_state(struct mfd *mfd)
{
	uint8_t message[MFD_STATE_SIZE + 2 * MFD_QUEUE] = {MFD_STATE};
	size_t length = MFD_STATE_SIZE;
	mfd_put32(message + 1, mfd->token);
	mfd_put64(message + 5, mfd->token_us);
	message[13] = mfd->subscription;
	mfd_put32(message + 14, mfd->heard_lost);
	mfd_put32(message + 18, mfd->radio_lost);
	mfd_put32(message + 22, mfd->bad_frames);
	for (size_t i = 0; i < MFD_QUEUE; i++) {
		if (mfd->slots[i].state != MFD_SLOT_FREE) {
			mfd_put16(message + length, mfd->slots[i].id);
			length += 2;
		}
	}
	return say(mfd, message, length);
}

static bool say_lost(struct mfd *mfd)
{
	uint8_t message[MFD_LOST_SIZE] = {MFD_LOST};
	mfd_put32(message + 1, mfd->heard_lost);
	mfd_put32(message + 5, mfd->radio_lost);
	return say(mfd, message, sizeof message);
}

static bool say_error(struct mfd *mfd)
{
	const uint8_t message[MFD_ERROR_SIZE] = {MFD_ERROR, mfd->error_code, mfd->error_type};
	return say(mfd, message, sizeof message);
}

/* The reports that wait, those that ended first going first. */
static bool say_reports(struct mfd *mfd)
{
	for (;;) {
		struct mfd_slot *first = NULL;
		for (size_t i = 0; i < MFD_QUEUE; i++) {
			struct mfd_slot *slot = &mfd->slots[i];
			if (slot->state == MFD_SLOT_DONE && (first == NULL || slot->end_us < first->end_us)) {
				first = slot;
			}
		}
		if (first == NULL) {
			return true;
		}
		if (!say_report(mfd, first)) {
			return false;
		}
		first->state = MFD_SLOT_FREE;
	}
}

void mfd_output_flush(struct mfd *mfd)
{
	if (mfd->boot_waits) {
		if (!say_boot(mfd)) {
			return;
		}
		mfd->boot_waits = false;
	}
	if (mfd->info_waits) {
		if (!say_info(mfd)) {
			return;
		}
		mfd->info_waits = false;
	}
	if (mfd->error_code != 0) {
		if (!say_error(mfd)) {
			return;
		}
		mfd->error_code = 0;
	}
	if (!say_reports(mfd)) {
		return;
	}
	if (mfd->state_waits) {
		if (!say_state(mfd)) {
			return;
		}
		mfd->state_waits = false;
	}
	if (mfd->lost_waits && say_lost(mfd)) {
		mfd->lost_waits = false;
	}
}

bool mfd_output_heard(struct mfd *mfd, const struct mfd_packet *packet)
{
	uint8_t message[MFD_HEARD_SIZE + MFD_AD_MAX] = {MFD_HEARD};
	if (mfd->port->room(mfd->port->context) < RESERVE + MFD_FRAME_MAX) {
		return false;
	}
	mfd_output_flush(mfd); /* what happened before it goes before it */
	mfd_put64(message + 1, packet->time_us);
	message[9] = packet->channel;
	message[10] = (uint8_t)packet->rssi;
	message[11] = packet->is_random_address ? 1 : 0;
	memcpy(message + 12, packet->address, 6);
	memcpy(message + MFD_HEARD_SIZE, packet->data, packet->length);
	return say(mfd, message, MFD_HEARD_SIZE + packet->length);
}

void mfd_output_refusal(struct mfd *mfd, uint16_t id, enum mfd_outcome outcome)
{
	const struct mfd_slot slot = {.id = id, .outcome = outcome};
	(void)say_report(mfd, &slot);
}
