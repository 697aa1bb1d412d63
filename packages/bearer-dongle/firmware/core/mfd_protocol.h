/*
 * Numbers of the dongle protocol (PROTOCOL.md, 4): types of messages, values in them, limits.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MFD_PROTOCOL_H
#define MFD_PROTOCOL_H

#define MFD_PROTOCOL_MAJOR 1
#define MFD_PROTOCOL_MINOR 0

enum mfd_type {
	/* host to dongle */
	MFD_HELLO = 0x01,
	MFD_SEND = 0x02,
	MFD_CANCEL = 0x03,
	MFD_SUBSCRIBE = 0x04,
	MFD_SYNC = 0x05,
	MFD_RESET = 0x06,
	/* dongle to host */
	MFD_INFO = 0x81,
	MFD_REPORT = 0x82,
	MFD_HEARD = 0x84,
	MFD_STATE = 0x85,
	MFD_BOOT = 0x86,
	MFD_LOST = 0x87,
	MFD_ERROR = 0x88,
};

enum mfd_outcome {
	MFD_SENT = 0,
	MFD_CANCELLED = 1,
	MFD_QUEUE_FULL = 2,
	MFD_REFUSED = 3, /* a value out of range */
};

enum mfd_restart {
	MFD_END_SESSION = 0,
	MFD_RESTART = 1,
	MFD_BOOTLOADER = 2,
};

enum mfd_boot {
	MFD_BOOT_POWER = 0,
	MFD_BOOT_REQUESTED = 1,
	MFD_BOOT_WATCHDOG = 2,
	MFD_BOOT_FAULT = 3,
	MFD_BOOT_UNKNOWN = 255,
};

enum mfd_error {
	MFD_ERROR_FRAME = 1,
	MFD_ERROR_TYPE = 2,
	MFD_ERROR_LENGTH = 3,
	MFD_ERROR_VALUE = 4,
	MFD_ERROR_SESSION = 5, /* no session: HELLO first */
};

enum {
	MFD_CAN_SET_POWER = 1,
	MFD_CAN_BOOTLOADER = 2,
};

#define MFD_SUBSCRIBE_ALL 1

#define MFD_QUEUE 32
#define MFD_TYPES 16
#define MFD_AD_MAX 31
#define MFD_POWER_DEFAULT 127
#define MFD_INTERVAL_MAX_US 10485760
#define MFD_DELAY_MAX_US 65535
#define MFD_AHEAD_MAX_US 10000000
/* A host that says nothing for so long is gone. */
#define MFD_SILENCE_MAX_US 10000000

/* Sizes of messages with their type; of those with a variable end, of what stands before it. */
enum {
	MFD_HELLO_SIZE = 7,
	MFD_SEND_SIZE = 20,
	MFD_CANCEL_SIZE = 3,
	MFD_SUBSCRIBE_SIZE = 3,
	MFD_SYNC_SIZE = 5,
	MFD_RESET_SIZE = 2,
	MFD_INFO_SIZE = 34,
	MFD_REPORT_SIZE = 21,
	MFD_HEARD_SIZE = 18,
	MFD_STATE_SIZE = 26,
	MFD_BOOT_SIZE = 4,
	MFD_LOST_SIZE = 9,
	MFD_ERROR_SIZE = 3,
};

#endif
