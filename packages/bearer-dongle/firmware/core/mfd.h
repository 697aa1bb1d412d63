/*
 * The dongle without its hardware: protocol, queue, times of copies, subscription. It calls the hardware through
 * struct mfd_port and is called by it; all calls are from one context (never from an interrupt), none of them blocks.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MFD_H
#define MFD_H

#include "mfd_frame.h"
#include "mfd_protocol.h"

/* One advertising event: an ADV_NONCONN_IND on each of the channels, in ascending order. */
struct mfd_event {
	/* When its first bit is to be on air, or as soon after that as the radio can. */
	uint64_t at_us;
	/* Bit 0: channel 37, bit 1: 38, bit 2: 39. */
	uint8_t channels;
	/* dBm, or MFD_POWER_DEFAULT. */
	int8_t power;
	/* AdvA, a random address, in the order on air. */
	uint8_t address[6];
	uint8_t data[MFD_AD_MAX];
	uint8_t length;
};

/* An ADV_NONCONN_IND that was received with a correct CRC. */
struct mfd_packet {
	/* End of its last bit. */
	uint64_t time_us;
	uint8_t channel; /* 37 to 39 */
	int8_t rssi;     /* dBm, 127 unknown */
	bool is_random_address;
	uint8_t address[6];
	uint8_t data[MFD_AD_MAX];
	uint8_t length;
};

struct mfd_port {
	void *context;
	/* Microseconds since the start; never goes back, never wraps. The times of the radio are on the same clock. */
	uint64_t (*now)(void *context);
	uint32_t (*random)(void *context);
	/* Octets that `write` takes at present without waiting. */
	size_t (*room)(void *context);
	void (*write)(void *context, const uint8_t *octets, size_t length);
	/* Sends one event; mfd_transmitted must follow. Not called again before that. */
	void (*transmit)(void *context, const struct mfd_event *event);
	/* Whether to listen while nothing is sent, on 37, 38 and 39 in turn. */
	void (*listen)(void *context, bool on);
	/* MFD_RESTART or MFD_BOOTLOADER; need not return. */
	void (*restart)(void *context, enum mfd_restart mode);
};

/* What INFO says of this dongle. */
struct mfd_identity {
	uint8_t version[3];
	uint8_t chip_id[8];
	/* The longest event and the least pause after it. */
	uint16_t event_us;
	/* Pause after each event, in which the radio listens. */
	uint16_t pause_us;
	uint16_t capabilities;
	int8_t power_min;
	int8_t power_max;
	/* At most 32 octets of UTF-8. */
	const char *name;
};

enum mfd_slot_state {
	MFD_SLOT_FREE,
	MFD_SLOT_WAITING,
	MFD_SLOT_ON_AIR,
	MFD_SLOT_DONE, /* its REPORT waits for room on the line */
};

struct mfd_slot {
	enum mfd_slot_state state;
	uint16_t id;
	uint8_t count;
	uint8_t sent;
	bool is_cancelled;
	enum mfd_outcome outcome;
	uint32_t interval_us;
	uint16_t delay_us;
	/* When the next copy is due; of those due alike the lower order goes first. */
	uint64_t due_us;
	uint32_t order;
	uint64_t start_us;
	uint64_t end_us;
	struct mfd_event event;
};

/* All state of a dongle; nothing of it is for others to touch. */
struct mfd {
	const struct mfd_port *port;
	const struct mfd_identity *identity;
	struct mfd_reader reader;
	bool is_open;
	uint64_t host_heard_us;
	struct mfd_slot slots[MFD_QUEUE];
	uint32_t order;
	bool is_on_air;
	uint64_t free_at_us;

	bool is_listening;
	uint8_t subscription;
	bool hears_all;
	uint8_t types[MFD_TYPES];
	uint8_t type_count;

	/* Counted since HELLO. */
	uint32_t heard_lost;
	uint32_t radio_lost;
	uint32_t bad_frames;

	/* What waits for room on the line. */
	bool boot_waits;
	uint8_t boot_reason;
	bool info_waits;
	uint32_t nonce;
	bool state_waits;
	uint32_t token;
	uint64_t token_us;
	bool lost_waits;
	uint8_t error_code; /* 0: none waits */
	uint8_t error_type;
};

/* Both `port` and `identity` stay in use. Says BOOT to the host. */
void mfd_init(struct mfd *mfd, const struct mfd_port *port, const struct mfd_identity *identity, enum mfd_boot reason);

/* Octets came from the host. */
void mfd_receive(struct mfd *mfd, const uint8_t *octets, size_t length);

/* The event has been on air; times of its first and last bit. */
void mfd_transmitted(struct mfd *mfd, uint64_t start_us, uint64_t end_us);

/* A packet was received. */
void mfd_heard(struct mfd *mfd, const struct mfd_packet *packet);

/* So many packets were received and could not be kept. */
void mfd_radio_lost(struct mfd *mfd, uint32_t packets);

/*
 * Does what is due; to be called after any of the calls above, when there is room on the line again, and at the time that
 * it returns (UINT64_MAX: at none).
 */
uint64_t mfd_poll(struct mfd *mfd);

#endif
