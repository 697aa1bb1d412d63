/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <errno.h>

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/ring_buffer.h>
#include <zephyr/usb/usb_device.h>

RING_BUF_DECLARE(to_host, 4096);
RING_BUF_DECLARE(from_host, 2048);

static const struct device *const uart = DEVICE_DT_GET(DT_NODELABEL(dongle_line));
static void (*wake_main)(void);

/* What does not fit stays in the USB endpoint, which holds the host up. */
static void receive(void)
{
	uint8_t *space;
	uint32_t room = ring_buf_put_claim(&from_host, &space, 64);
	if (room == 0) {
		uart_irq_rx_disable(uart);
		return;
	}
	int size = uart_fifo_read(uart, space, (int)room);
	(void)ring_buf_put_finish(&from_host, size > 0 ? (uint32_t)size : 0);
}

static void transmit(void)
{
	uint8_t *octets;
	uint32_t length = ring_buf_get_claim(&to_host, &octets, 64);
	if (length == 0) {
		(void)ring_buf_get_finish(&to_host, 0);
		uart_irq_tx_disable(uart);
		return;
	}
	int size = uart_fifo_fill(uart, octets, (int)length);
	(void)ring_buf_get_finish(&to_host, size > 0 ? (uint32_t)size : 0);
}

static void interrupt(const struct device *device, void *unused)
{
	ARG_UNUSED(unused);
	while (uart_irq_update(device) && uart_irq_is_pending(device)) {
		if (uart_irq_rx_ready(device)) {
			receive();
		}
		if (uart_irq_tx_ready(device)) {
			transmit();
		}
	}
	wake_main();
}

int line_init(void (*wake)(void))
{
	wake_main = wake;
	if (!device_is_ready(uart)) {
		return -ENODEV;
	}
	int error = usb_enable(NULL);
	if (error != 0) {
		return error;
	}
	error = uart_irq_callback_user_data_set(uart, interrupt, NULL);
	if (error == 0) {
		uart_irq_rx_enable(uart);
	}
	return error;
}

size_t line_room(void)
{
	return ring_buf_space_get(&to_host);
}

void line_write(const uint8_t *octets, size_t length)
{
	(void)ring_buf_put(&to_host, octets, (uint32_t)length);
	uart_irq_tx_enable(uart);
}

size_t line_read(uint8_t *octets, size_t most)
{
	size_t length = ring_buf_get(&from_host, octets, (uint32_t)most);
	if (length > 0) {
		uart_irq_rx_enable(uart);
	}
	return length;
}
