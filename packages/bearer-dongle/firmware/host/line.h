/*
 * The harness's serial line: a pseudo-terminal or a UNIX socket, with what waits to be written, and its rate.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that wait at most, as on the dongle. */
#define LINE_BUFFER 4096

struct line {
	/* To read from and write to; -1 while no host is connected to the socket. */
	int descriptor;
	/* Listens for hosts, or -1 for a pseudo-terminal. */
	int listener;
	/* Kept open so that the pseudo-terminal outlives its hosts, or -1. */
	int other_end;
	/* What a host opens. */
	char path[108];
	uint8_t waiting[LINE_BUFFER];
	size_t length;
	/* Octets per second each way; 0: as fast as it goes. */
	double rate;
	double may_read;
	double may_write;
	uint64_t refilled_us;
};

bool line_open_pty(struct line *line);
bool line_open_unix(struct line *line, const char *path);
/* Takes a host that wants to connect to the socket. */
void line_accept(struct line *line);

size_t line_room(const struct line *line);
void line_write(struct line *line, const uint8_t *octets, size_t length);
/* Passes on what waits. */
void line_flush(struct line *line, uint64_t now_us);
/* Octets read, 0: none at present. */
size_t line_read(struct line *line, uint8_t *octets, size_t most, uint64_t now_us);
/* Whether its rate makes it wait at present. */
bool line_is_paced(const struct line *line);

#endif
