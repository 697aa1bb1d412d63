/* SPDX-License-Identifier: Apache-2.0 */
#include "mfd.h"

#include <string.h>

#include "mfd_output.h"
#include "mfd_queue.h"
#include "mfd_wire.h"

static uint64_t now(const struct mfd *mfd)
{
	return mfd->port->now(mfd->port->context);
}

/* A later error replaces one that still waits: the host only needs to know that there was one. */
static void complain(struct mfd *mfd, enum mfd_error code, uint8_t type)
{
	mfd->error_code = (uint8_t)code;
	mfd->error_type = type;
}

static void end_session(struct mfd *mfd)
{
	mfd->is_open = false;
	mfd_queue_clear(mfd);
	mfd->subscription = 0;
	mfd->hears_all = false;
	mfd->type_count = 0;
	mfd->heard_lost = 0;
	mfd->radio_lost = 0;
	mfd->bad_frames = 0;
	mfd->info_waits = false;
	mfd->state_waits = false;
	mfd->lost_waits = false;
	mfd->error_code = 0;
}

static void listen_as_subscribed(struct mfd *mfd)
{
	bool on = mfd->is_open && (mfd->hears_all || mfd->type_count > 0);
	if (on != mfd->is_listening) {
		mfd->is_listening = on;
		mfd->port->listen(mfd->port->context, on);
	}
}

static void hello(struct mfd *mfd, const uint8_t *message)
{
	end_session(mfd);
	mfd->boot_waits = false; /* INFO says as much */
	mfd->nonce = mfd_get32(message + 1);
	mfd->info_waits = true;
	mfd->is_open = message[5] == MFD_PROTOCOL_MAJOR;
}

static void send(struct mfd *mfd, const uint8_t *message, size_t length)
{
	uint16_t id = mfd_get16(message + 1);
	for (size_t i = 0; i < MFD_QUEUE; i++) {
		if (mfd->slots[i].state != MFD_SLOT_FREE && mfd->slots[i].id == id) {
			complain(mfd, MFD_ERROR_VALUE, MFD_SEND);
			return;
		}
	}
	enum mfd_outcome outcome = mfd_queue_add(mfd, message, length);
	if (outcome != MFD_SENT) {
		mfd_output_refusal(mfd, id, outcome);
	}
}

static void subscribe(struct mfd *mfd, const uint8_t *message, size_t length)
{
	size_t count = length - MFD_SUBSCRIBE_SIZE;
	if (count > MFD_TYPES) {
		complain(mfd, MFD_ERROR_VALUE, MFD_SUBSCRIBE);
		return;
	}
	mfd->subscription = message[1];
	mfd->hears_all = (message[2] & MFD_SUBSCRIBE_ALL) != 0;
	memcpy(mfd->types, message + MFD_SUBSCRIBE_SIZE, count);
	mfd->type_count = (uint8_t)count;
}

static void reset(struct mfd *mfd, uint8_t mode)
{
	if (mode > MFD_BOOTLOADER) {
		complain(mfd, MFD_ERROR_VALUE, MFD_RESET);
		return;
	}
	end_session(mfd);
	if (mode != MFD_END_SESSION) {
		mfd->port->restart(mfd->port->context, (enum mfd_restart)mode);
	}
}

/* The size of a message from the host, 0 for a type that is none; of SEND and SUBSCRIBE the least. */
static size_t size_of(uint8_t type)
{
	switch (type) {
	case MFD_HELLO: return MFD_HELLO_SIZE;
	case MFD_SEND: return MFD_SEND_SIZE;
	case MFD_CANCEL: return MFD_CANCEL_SIZE;
	case MFD_SUBSCRIBE: return MFD_SUBSCRIBE_SIZE;
	case MFD_SYNC: return MFD_SYNC_SIZE;
	case MFD_RESET: return MFD_RESET_SIZE;
	default: return 0;
	}
}

static void take(struct mfd *mfd, const uint8_t *message, size_t length)
{
	uint8_t type = message[0];
	size_t size = size_of(type);
	bool is_open_ended = type == MFD_SEND || type == MFD_SUBSCRIBE;
	mfd->host_heard_us = now(mfd);
	if (!mfd->is_open && type != MFD_HELLO && type != MFD_RESET) {
		complain(mfd, MFD_ERROR_SESSION, type);
	} else if (size == 0) {
		complain(mfd, MFD_ERROR_TYPE, type);
	} else if (length < size || (length > size && !is_open_ended)) {
		complain(mfd, MFD_ERROR_LENGTH, type);
	} else if (type == MFD_HELLO) {
		hello(mfd, message);
	} else if (type == MFD_SEND) {
		send(mfd, message, length);
	} else if (type == MFD_CANCEL) {
		mfd_queue_cancel(mfd, mfd_get16(message + 1));
	} else if (type == MFD_SUBSCRIBE) {
		subscribe(mfd, message, length);
	} else if (type == MFD_SYNC) {
		mfd->token = mfd_get32(message + 1);
		mfd->token_us = now(mfd);
		mfd->state_waits = true;
	} else {
		reset(mfd, message[1]);
	}
}

void mfd_init(struct mfd *mfd, const struct mfd_port *port, const struct mfd_identity *identity, enum mfd_boot reason)
{
	memset(mfd, 0, sizeof *mfd);
	mfd->port = port;
	mfd->identity = identity;
	mfd->boot_waits = true;
	mfd->boot_reason = (uint8_t)reason;
}

void mfd_receive(struct mfd *mfd, const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t size = 0;
		enum mfd_read read = mfd_read(&mfd->reader, octets[i], &size);
		if (read == MFD_READ_MESSAGE) {
			take(mfd, mfd->reader.octets, size);
			mfd_output_flush(mfd); /* what can be said at once needs no place to wait */
		} else if (read == MFD_READ_BAD) {
			mfd->bad_frames++;
			complain(mfd, MFD_ERROR_FRAME, 0);
		}
	}
	listen_as_subscribed(mfd);
}

/* Whether an AD structure of a subscribed type stands in advertising data (Core Specification, Vol 3, Part C, 11). */
static bool is_wanted(const struct mfd *mfd, const uint8_t *data, size_t length)
{
	if (mfd->hears_all) {
		return true;
	}
	for (size_t at = 0; at + 1 < length;) {
		size_t size = data[at];
		if (size == 0 || at + 1 + size > length) {
			return false;
		}
		if (memchr(mfd->types, data[at + 1], mfd->type_count) != NULL) {
			return true;
		}
		at += 1 + size;
	}
	return false;
}

void mfd_heard(struct mfd *mfd, const struct mfd_packet *packet)
{
	if (!mfd->is_open || packet->length > MFD_AD_MAX || !is_wanted(mfd, packet->data, packet->length)) {
		return;
	}
	if (!mfd_output_heard(mfd, packet)) {
		mfd->heard_lost++;
		mfd->lost_waits = true;
	}
}

void mfd_radio_lost(struct mfd *mfd, uint32_t packets)
{
	if (mfd->is_open && packets > 0) {
		mfd->radio_lost += packets;
		mfd->lost_waits = true;
	}
}

uint64_t mfd_poll(struct mfd *mfd)
{
	uint64_t time = now(mfd);
	uint64_t silent_at = mfd->host_heard_us + MFD_SILENCE_MAX_US;
	if (mfd->is_open && time >= silent_at) {
		end_session(mfd);
	}
	listen_as_subscribed(mfd);
	mfd_output_flush(mfd);
	uint64_t next = mfd_queue_poll(mfd, time);
	return mfd->is_open && silent_at < next ? silent_at : next;
}
