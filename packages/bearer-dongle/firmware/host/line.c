/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 600
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* A UART gathers so much before its next octet waits. */
#define BURST 64

static bool fail(const char *what)
{
	fprintf(stderr, "line: %s: %s\n", what, strerror(errno));
	return false;
}

static bool dont_block(int descriptor)
{
	return fcntl(descriptor, F_SETFL, O_NONBLOCK) >= 0;
}

bool line_open_pty(struct line *line)
{
	struct termios settings;
	line->listener = -1;
	line->descriptor = posix_openpt(O_RDWR | O_NOCTTY);
	if (line->descriptor < 0 || grantpt(line->descriptor) < 0 || unlockpt(line->descriptor) < 0) {
		return fail("pseudo-terminal");
	}
	const char *path = ptsname(line->descriptor);
	if (path == NULL || strlen(path) >= sizeof line->path) {
		return fail("ptsname");
	}
	strcpy(line->path, path);
	line->other_end = open(path, O_RDWR | O_NOCTTY);
	if (line->other_end < 0 || tcgetattr(line->other_end, &settings) < 0) {
		return fail(path);
	}
	cfmakeraw(&settings);
	if (tcsetattr(line->other_end, TCSANOW, &settings) < 0) {
		return fail("raw mode");
	}
	return dont_block(line->descriptor) || fail("fcntl");
}

bool line_open_unix(struct line *line, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	line->descriptor = -1;
	line->other_end = -1;
	if (strlen(path) >= sizeof line->path || strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return fail(path);
	}
	strcpy(line->path, path);
	strcpy(address.sun_path, path);
	(void)unlink(path);
	line->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (line->listener < 0 || bind(line->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(line->listener, 1) < 0) {
		return fail(path);
	}
	return dont_block(line->listener) || fail("fcntl");
}

void line_accept(struct line *line)
{
	int descriptor = accept(line->listener, NULL, NULL);
	if (descriptor < 0) {
		return;
	}
	if (line->descriptor >= 0 || !dont_block(descriptor)) {
		close(descriptor); /* one host at a time */
		return;
	}
	line->descriptor = descriptor;
	line->length = 0;
}

size_t line_room(const struct line *line)
{
	return sizeof line->waiting - line->length;
}

void line_write(struct line *line, const uint8_t *octets, size_t length)
{
	if (line->descriptor < 0 || length > line_room(line)) {
		return;
	}
	memcpy(line->waiting + line->length, octets, length);
	line->length += length;
}

static void refill(struct line *line, uint64_t now_us)
{
	double more = (double)(now_us - line->refilled_us) * line->rate / 1e6;
	line->refilled_us = now_us;
	line->may_read += more;
	line->may_write += more;
	/* A process that slept makes up for it: the octets were on the line meanwhile. */
	double most = BURST + line->rate / 50;
	line->may_read = line->may_read < most ? line->may_read : most;
	line->may_write = line->may_write < most ? line->may_write : most;
}

static void hang_up(struct line *line)
{
	if (line->listener >= 0) {
		close(line->descriptor);
		line->descriptor = -1;
		line->length = 0;
	}
}

void line_flush(struct line *line, uint64_t now_us)
{
	refill(line, now_us);
	while (line->length > 0 && line->descriptor >= 0) {
		size_t size = line->length;
		if (line->rate > 0 && (double)size > line->may_write) {
			size = (size_t)line->may_write;
		}
		if (size == 0) {
			return;
		}
		ssize_t written = write(line->descriptor, line->waiting, size);
		if (written <= 0) {
			if (written < 0 && errno != EAGAIN && errno != EINTR) {
				hang_up(line);
			}
			return;
		}
		line->length -= (size_t)written;
		line->may_write -= (double)written;
		memmove(line->waiting, line->waiting + written, line->length);
	}
}

size_t line_read(struct line *line, uint8_t *octets, size_t most, uint64_t now_us)
{
	refill(line, now_us);
	if (line->rate > 0 && (double)most > line->may_read) {
		most = (size_t)line->may_read;
	}
	if (most == 0 || line->descriptor < 0) {
		return 0;
	}
	ssize_t size = read(line->descriptor, octets, most);
	if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)) {
		hang_up(line);
	}
	if (size <= 0) {
		return 0;
	}
	line->may_read -= (double)size;
	return (size_t)size;
}

bool line_is_paced(const struct line *line)
{
	return line->rate > 0 && (line->may_read < 1 || (line->length > 0 && line->may_write < 1));
}
