/* SPDX-License-Identifier: Apache-2.0 */
#include "mfd_frame.h"

#include "mfd_wire.h"

uint32_t mfd_crc32(const uint8_t *octets, size_t length)
{
	/* By half octets: a table of 64 octets instead of 1024, fast enough for a serial line. */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < length; i++) {
		crc ^= octets[i];
		crc = table[crc & 15] ^ (crc >> 4);
		crc = table[crc & 15] ^ (crc >> 4);
	}
	return ~crc;
}

size_t mfd_frame(const uint8_t *message, size_t length, uint8_t frame[MFD_FRAME_MAX])
{
	uint8_t crc[MFD_CRC_SIZE];
	mfd_put32(crc, mfd_crc32(message, length));
	size_t at = 0;
	frame[at++] = 0;
	size_t code = at++;
	for (size_t i = 0; i < length + MFD_CRC_SIZE; i++) {
		uint8_t octet = i < length ? message[i] : crc[i - length];
		if (octet != 0) {
			frame[at++] = octet;
			continue;
		}
		frame[code] = (uint8_t)(at - code);
		code = at++;
	}
	frame[code] = (uint8_t)(at - code);
	frame[at++] = 0;
	return at;
}

/* Undoes COBS in place; returns the length, 0 if it is none. */
static size_t unstuff(uint8_t *octets, size_t length)
{
	size_t from = 0;
	size_t to = 0;
	while (from < length) {
		size_t code = octets[from];
		if (from + code > length) {
			return 0;
		}
		for (size_t i = 1; i < code; i++) {
			octets[to++] = octets[from + i];
		}
		from += code;
		if (code != 0xff && from < length) {
			octets[to++] = 0;
		}
	}
	return to;
}

enum mfd_read mfd_read(struct mfd_reader *reader, uint8_t octet, size_t *length)
{
	if (octet != 0) {
		if (reader->length == sizeof reader->octets) {
			reader->overlong = true;
		} else {
			reader->octets[reader->length++] = octet;
		}
		return MFD_READ_MORE;
	}
	size_t encoded = reader->length;
	bool overlong = reader->overlong;
	reader->length = 0;
	reader->overlong = false;
	if (encoded == 0) {
		return MFD_READ_MORE; /* the zeros between two frames */
	}
	if (overlong) {
		return MFD_READ_BAD;
	}
	size_t size = unstuff(reader->octets, encoded);
	if (size <= MFD_CRC_SIZE) {
		return MFD_READ_BAD;
	}
	size -= MFD_CRC_SIZE;
	if (mfd_get32(reader->octets + size) != mfd_crc32(reader->octets, size)) {
		return MFD_READ_BAD;
	}
	*length = size;
	return MFD_READ_MESSAGE;
}
