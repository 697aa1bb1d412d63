/*
 * The line to the host: USB CDC-ACM. NOT BUILT YET: see PROTOCOL.md, 10.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

/* `wake` is called in interrupts when octets came or there is room again. 0 or an error of the USB stack. */
int line_init(void (*wake)(void));
size_t line_room(void);
void line_write(const uint8_t *octets, size_t length);
/* Octets that came, at most so many; 0: none. */
size_t line_read(uint8_t *octets, size_t most);

#endif
