/*
 * The dongle on Zephyr: the portable core between the radio and USB. NOT BUILT YET: see PROTOCOL.md, 10.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <hal/nrf_power.h>
#include <zephyr/drivers/clock_control.h>
#include <zephyr/drivers/clock_control/nrf_clock_control.h>
#include <zephyr/drivers/hwinfo.h>
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>
#include <zephyr/sys/reboot.h>

#include "line.h"
#include "mfd.h"
#include "radio.h"

/* What the bootloader of the nRF52840 dongle finds in GPREGRET when it is to wait for a new firmware. */
#define BOOTLOADER_START 0xb1
/* Three packets of 31 octets with about 55 µs between them, and the pause. */
#define PAUSE_US 150
#define EVENT_US (3 * 376 + 2 * 55 + PAUSE_US)
/* The clock of the radio must be read once an hour; the host's silence is looked at more often than that. */
#define SLEEP_MAX_US 1000000

static K_SEM_DEFINE(work, 0, 1);
static struct mfd dongle;

static void wake(void)
{
	k_sem_give(&work);
}

static uint64_t port_now(void *context)
{
	ARG_UNUSED(context);
	return radio_now();
}

static uint32_t port_random(void *context)
{
	ARG_UNUSED(context);
	return sys_rand32_get();
}

static size_t port_room(void *context)
{
	ARG_UNUSED(context);
	return line_room();
}

static void port_write(void *context, const uint8_t *octets, size_t length)
{
	ARG_UNUSED(context);
	line_write(octets, length);
}

/* The nearest power that the radio has; its register holds dBm. */
static int8_t power_of(int8_t wanted)
{
	static const int8_t POWERS[] = {-40, -20, -16, -12, -8, -4, 0, 2, 3, 4, 5, 6, 7, 8};
	int8_t best = POWERS[0];
	for (size_t i = 1; i < sizeof POWERS; i++) {
		if (POWERS[i] <= wanted) {
			best = POWERS[i];
		}
	}
	return best;
}

static void port_transmit(void *context, const struct mfd_event *event)
{
	ARG_UNUSED(context);
	struct mfd_event now = *event;
	if (now.power != MFD_POWER_DEFAULT) {
		now.power = power_of(now.power);
	}
	radio_transmit(&now);
}

static void port_listen(void *context, bool on)
{
	ARG_UNUSED(context);
	radio_listen(on);
}

static void port_restart(void *context, enum mfd_restart mode)
{
	ARG_UNUSED(context);
	if (mode == MFD_BOOTLOADER) {
		nrf_power_gpregret_set(NRF_POWER, 0, BOOTLOADER_START);
		NVIC_SystemReset();
	}
	sys_reboot(SYS_REBOOT_COLD);
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

static enum mfd_boot boot_reason(void)
{
	uint32_t cause = 0;
	if (hwinfo_get_reset_cause(&cause) != 0) {
		return MFD_BOOT_UNKNOWN;
	}
	(void)hwinfo_clear_reset_cause();
	if (cause & RESET_WATCHDOG) {
		return MFD_BOOT_WATCHDOG;
	}
	if (cause & RESET_CPU_LOCKUP) {
		return MFD_BOOT_FAULT;
	}
	return cause & RESET_SOFTWARE ? MFD_BOOT_REQUESTED : MFD_BOOT_POWER;
}

/* The crystal: the radio needs it, and it makes the clock exact. */
static void start_crystal(void)
{
	struct onoff_manager *manager = z_nrf_clock_control_get_onoff(CLOCK_CONTROL_NRF_SUBSYS_HF);
	static struct onoff_client client;
	int result;
	sys_notify_init_spinwait(&client.notify);
	(void)onoff_request(manager, &client);
	while (sys_notify_fetch_result(&client.notify, &result) == -EAGAIN) {
		k_yield();
	}
}

static void serve_radio(void)
{
	struct mfd_packet packet;
	uint64_t start;
	uint64_t end;
	if (radio_take_transmitted(&start, &end)) {
		mfd_transmitted(&dongle, start, end);
	}
	while (radio_take_packet(&packet)) {
		mfd_heard(&dongle, &packet);
	}
	mfd_radio_lost(&dongle, radio_take_lost());
}

static void serve_line(void)
{
	uint8_t octets[64];
	for (size_t length; (length = line_read(octets, sizeof octets)) > 0;) {
		mfd_receive(&dongle, octets, length);
	}
}

int main(void)
{
	static struct mfd_identity identity = {
		.version = {1, 0, 0},
		.event_us = EVENT_US,
		.pause_us = PAUSE_US,
		.capabilities = MFD_CAN_SET_POWER | MFD_CAN_BOOTLOADER,
		.power_min = -40,
		.power_max = 8,
		.name = "Meshferry nRF52840",
	};
	(void)hwinfo_get_device_id(identity.chip_id, sizeof identity.chip_id);
	start_crystal();
	radio_init(wake);
	if (line_init(wake) != 0) {
		return 0; /* nobody to talk to */
	}
	mfd_init(&dongle, &PORT, &identity, boot_reason());
	for (;;) {
		serve_radio();
		serve_line();
		uint64_t next = mfd_poll(&dongle);
		uint64_t hop = radio_poll();
		uint64_t now = radio_now();
		next = hop < next ? hop : next;
		uint64_t most = next > now ? next - now : 0;
		(void)k_sem_take(&work, K_USEC(most < SLEEP_MAX_US ? most : SLEEP_MAX_US));
	}
}
