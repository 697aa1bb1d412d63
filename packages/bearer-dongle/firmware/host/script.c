/*
 * The core in simulated time, told what happens by the lines of standard input: for tests of the core by itself.
 *
 *   seed NUMBER                   of the chance
 *   room OCTETS                   of the line, until the next such line; unlimited at first
 *   > HEX                         octets from the host
 *   at US                         time goes on until then
 *   heard US CHANNEL RSSI ADDRESS DATA
 *   missed PACKETS                that the radio could not keep
 *   frame HEX, unframe HEX        the codec alone: prints `frame HEX`, and `message HEX` or `bad` for each frame
 *   fuzz SEED STREAMS             random octets, pieces of frames and radio traffic; prints `survived STREAMS`
 *
 * Prints `< HEX` for what goes to the host, `air START END CHANNELS POWER ADDRESS DATA`, `listen 0|1`, `restart MODE`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/mfd.h"
#include "air.h"

#define OCTETS_MAX 4096

struct script {
	struct mfd mfd;
	uint64_t now_us;
	uint64_t chance;
	size_t room;
	bool is_silent;
	bool is_sending;
	uint64_t start_us;
	uint64_t end_us;
};

static struct script script;

static void print_hex(const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		printf("%02x", octets[i]);
	}
}

static size_t read_hex(const char *text, uint8_t *octets)
{
	size_t length = 0;
	unsigned octet;
	for (; length < OCTETS_MAX && sscanf(text, "%2x", &octet) == 1; text += 2) {
		octets[length++] = (uint8_t)octet;
		if (text[1] == 0) {
			break;
		}
	}
	return length;
}

static uint64_t port_now(void *context)
{
	(void)context;
	return script.now_us;
}

static uint32_t port_random(void *context)
{
	(void)context;
	script.chance ^= script.chance >> 12;
	script.chance ^= script.chance << 25;
	script.chance ^= script.chance >> 27;
	return (uint32_t)((script.chance * 0x2545f4914f6cdd1dULL) >> 32);
}

static size_t port_room(void *context)
{
	(void)context;
	return script.room;
}

static void port_write(void *context, const uint8_t *octets, size_t length)
{
	(void)context;
	if (length > script.room) {
		abort(); /* the core must ask first */
	}
	if (script.room != SIZE_MAX) {
		script.room -= length;
	}
	if (!script.is_silent) {
		fputs("< ", stdout);
		print_hex(octets, length);
		putchar('\n');
	}
}

static void port_transmit(void *context, const struct mfd_event *event)
{
	(void)context;
	if (script.is_sending) {
		abort(); /* one event at a time */
	}
	script.is_sending = true;
	script.start_us = event->at_us > script.now_us ? event->at_us : script.now_us;
	script.end_us = script.start_us + air_event_us(event->channels, event->length);
	if (script.is_silent) {
		return;
	}
	printf("air %" PRIu64 " %" PRIu64 " %u %d ", script.start_us, script.end_us, event->channels, event->power);
	print_hex(event->address, sizeof event->address);
	putchar(' ');
	print_hex(event->data, event->length);
	putchar('\n');
}

static void port_listen(void *context, bool on)
{
	(void)context;
	if (!script.is_silent) {
		printf("listen %d\n", on);
	}
}

static void port_restart(void *context, enum mfd_restart mode)
{
	(void)context;
	if (!script.is_silent) {
		printf("restart %d\n", (int)mode);
	}
}

static const struct mfd_port PORT = {
	.now = port_now,
	.random = port_random,
	.room = port_room,
	.write = port_write,
	.transmit = port_transmit,
	.listen = port_listen,
	.restart = port_restart,
};

static const struct mfd_identity IDENTITY = {
	.version = {1, 2, 3},
	.chip_id = {1, 2, 3, 4, 5, 6, 7, 8},
	.event_us = 1578,
	.pause_us = 150,
	.capabilities = MFD_CAN_SET_POWER | MFD_CAN_BOOTLOADER,
	.power_min = -40,
	.power_max = 8,
	.name = "script",
};

static void go_on_until(uint64_t time_us)
{
	for (;;) {
		uint64_t next = mfd_poll(&script.mfd);
		if (script.is_sending && script.end_us < next) {
			next = script.end_us;
		}
		if (next > time_us) {
			break;
		}
		script.now_us = next > script.now_us ? next : script.now_us;
		if (script.is_sending && script.now_us >= script.end_us) {
			script.is_sending = false;
			mfd_transmitted(&script.mfd, script.start_us, script.end_us);
		}
	}
	script.now_us = time_us > script.now_us ? time_us : script.now_us;
}

static void hear(const char *arguments)
{
	struct mfd_packet packet = {.is_random_address = true};
	unsigned channel;
	int rssi;
	char address[13];
	char data[2 * MFD_AD_MAX + 1] = "";
	uint8_t octets[OCTETS_MAX];
	if (sscanf(arguments, "%" SCNu64 " %u %d %12s %62s", &packet.time_us, &channel, &rssi, address, data) < 4) {
		return;
	}
	packet.channel = (uint8_t)channel;
	packet.rssi = (int8_t)rssi;
	if (read_hex(address, octets) == 6) {
		memcpy(packet.address, octets, 6);
	}
	packet.length = (uint8_t)read_hex(data, octets);
	memcpy(packet.data, octets, packet.length);
	mfd_heard(&script.mfd, &packet);
}

static void unframe(const uint8_t *octets, size_t length)
{
	struct mfd_reader reader = {0};
	for (size_t i = 0; i < length; i++) {
		size_t size = 0;
		enum mfd_read read = mfd_read(&reader, octets[i], &size);
		if (read == MFD_READ_MESSAGE) {
			fputs("message ", stdout);
			print_hex(reader.octets, size);
			putchar('\n');
		} else if (read == MFD_READ_BAD) {
			puts("bad");
		}
	}
}

/* A message of a known type with random content, of about the right length, as a frame. */
static size_t random_frame(uint8_t frame[MFD_FRAME_MAX])
{
	static const uint8_t SIZES[] = {MFD_HELLO_SIZE,     MFD_SEND_SIZE + 20, MFD_CANCEL_SIZE,
					MFD_SUBSCRIBE_SIZE, MFD_SYNC_SIZE,      MFD_RESET_SIZE};
	uint8_t message[MFD_MESSAGE_MAX];
	for (size_t i = 0; i < sizeof message; i++) {
		message[i] = (uint8_t)port_random(NULL);
	}
	uint32_t kind = port_random(NULL) % 6;
	size_t length = SIZES[kind];
	message[0] = (uint8_t)(kind + 1);
	if (kind == 0 && port_random(NULL) % 4 > 0) {
		message[5] = MFD_PROTOCOL_MAJOR;
	}
	if (kind == 1 && port_random(NULL) % 4 > 0) {
		memset(message + 4, 0, 14); /* else it would be refused nearly always */
		message[4] = (uint8_t)port_random(NULL);
		message[18] = 7;
	}
	if (port_random(NULL) % 8 == 0) {
		length = 1 + port_random(NULL) % MFD_MESSAGE_MAX;
	}
	return mfd_frame(message, length, frame);
}

static void fuzz_stream(void)
{
	uint8_t octets[MFD_FRAME_MAX];
	for (uint32_t parts = 1 + port_random(NULL) % 6; parts > 0; parts--) {
		size_t length;
		if (port_random(NULL) % 3 == 0) {
			length = port_random(NULL) % sizeof octets;
			for (size_t i = 0; i < length; i++) {
				octets[i] = port_random(NULL) % 4 == 0 ? 0 : (uint8_t)port_random(NULL);
			}
		} else {
			length = random_frame(octets);
			length = port_random(NULL) % 4 == 0 ? port_random(NULL) % (uint32_t)length : length;
		}
		mfd_receive(&script.mfd, octets, length);
		struct mfd_packet packet = {.length = (uint8_t)(port_random(NULL) % 33)};
		for (size_t i = 0; i < sizeof packet.data; i++) {
			packet.data[i] = (uint8_t)(port_random(NULL) % 48);
		}
		mfd_heard(&script.mfd, &packet);
		script.room = port_random(NULL) % 2048;
		go_on_until(script.now_us + port_random(NULL) % 20000);
	}
}

/* After whatever came before, a delimiter and one valid HELLO must be understood. */
static void fuzz(uint64_t seed, uint64_t streams)
{
	const uint8_t hello[MFD_HELLO_SIZE] = {MFD_HELLO, 1, 2, 3, 4, MFD_PROTOCOL_MAJOR, 0};
	uint8_t frame[MFD_FRAME_MAX];
	script.is_silent = true;
	script.chance = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (uint64_t i = 0; i < streams; i++) {
		fuzz_stream();
		script.room = SIZE_MAX;
		mfd_receive(&script.mfd, frame, mfd_frame(hello, sizeof hello, frame));
		if (!script.mfd.is_open || script.mfd.nonce != 0x04030201) {
			printf("deaf after stream %" PRIu64 "\n", i);
			exit(1);
		}
	}
	printf("survived %" PRIu64 "\n", streams);
}

int main(void)
{
	static char text[2 * OCTETS_MAX + 64];
	static uint8_t octets[OCTETS_MAX];
	script.chance = 1;
	script.room = SIZE_MAX;
	mfd_init(&script.mfd, &PORT, &IDENTITY, MFD_BOOT_POWER);
	while (fgets(text, sizeof text, stdin) != NULL) {
		uint64_t number = 0;
		uint64_t second = 0;
		text[strcspn(text, "\r\n")] = 0;
		if (strncmp(text, "> ", 2) == 0) {
			mfd_receive(&script.mfd, octets, read_hex(text + 2, octets));
			go_on_until(script.now_us);
		} else if (sscanf(text, "at %" SCNu64, &number) == 1) {
			go_on_until(number);
		} else if (sscanf(text, "room %" SCNu64, &number) == 1) {
			script.room = (size_t)number;
			go_on_until(script.now_us);
		} else if (sscanf(text, "seed %" SCNu64, &number) == 1) {
			script.chance = number * 0x9e3779b97f4a7c15ULL + 1;
		} else if (strncmp(text, "heard ", 6) == 0) {
			hear(text + 6);
			go_on_until(script.now_us);
		} else if (sscanf(text, "missed %" SCNu64, &number) == 1) {
			mfd_radio_lost(&script.mfd, (uint32_t)number);
			go_on_until(script.now_us);
		} else if (strncmp(text, "frame ", 6) == 0) {
			uint8_t frame[MFD_FRAME_MAX];
			size_t length = read_hex(text + 6, octets);
			if (length > 0 && length <= MFD_MESSAGE_MAX) {
				fputs("frame ", stdout);
				print_hex(frame, mfd_frame(octets, length, frame));
				putchar('\n');
			}
		} else if (strncmp(text, "unframe ", 8) == 0) {
			unframe(octets, read_hex(text + 8, octets));
		} else if (sscanf(text, "fuzz %" SCNu64 " %" SCNu64, &number, &second) == 2) {
			fuzz(number, second);
		} else if (text[0] != 0) {
			fprintf(stderr, "not understood: %s\n", text);
			return 2;
		}
	}
	return 0;
}
