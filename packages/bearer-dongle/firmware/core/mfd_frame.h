/*
 * Frames of the dongle protocol (PROTOCOL.md, 2): a message, its CRC-32, COBS, a zero before and after.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MFD_FRAME_H
#define MFD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of the longest message: its type and what follows. */
#define MFD_MESSAGE_MAX 128
#define MFD_CRC_SIZE 4
/* A frame shorter than 254 octets takes one octet of COBS; two zeros stand round it. */
#define MFD_ENCODED_MAX (MFD_MESSAGE_MAX + MFD_CRC_SIZE + 1)
#define MFD_FRAME_MAX (MFD_ENCODED_MAX + 2)

/* CRC-32/ISO-HDLC: polynomial 0x04C11DB7, reflected, init and final XOR 0xFFFFFFFF; "123456789" gives 0xCBF43926. */
uint32_t mfd_crc32(const uint8_t *octets, size_t length);

/* Writes the frame of a message of 1 to MFD_MESSAGE_MAX octets; returns its length. */
size_t mfd_frame(const uint8_t *message, size_t length, uint8_t frame[MFD_FRAME_MAX]);

/* Gathers one frame octet by octet. All zero to begin with. */
struct mfd_reader {
	uint8_t octets[MFD_ENCODED_MAX];
	size_t length;
	/* Too long already: everything up to the next zero is dropped. */
	bool overlong;
};

enum mfd_read {
	MFD_READ_MORE, /* nothing yet */
	MFD_READ_MESSAGE,
	MFD_READ_BAD, /* what stood before this zero was no frame */
};

/*
 * Takes one octet of the line. On MFD_READ_MESSAGE the first *length octets of reader->octets are the message, until
 * the next call.
 */
enum mfd_read mfd_read(struct mfd_reader *reader, uint8_t octet, size_t *length);

#endif
