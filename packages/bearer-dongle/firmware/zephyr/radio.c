/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * nRF52840 Product Specification: RADIO, TIMER, PPI. TIMER0 runs at 1 MHz and is the clock. Pre-programmed PPI channels
 * join it to the radio: 20 COMPARE[0] starts the transmitter, 26 ADDRESS captures into CC[1], 27 END captures into CC[2].
 * So transmissions start, and times are taken, without software in between.
 */
#include "radio.h"

#include <string.h>

#include <hal/nrf_ppi.h>
#include <hal/nrf_radio.h>
#include <hal/nrf_timer.h>
#include <zephyr/irq.h>
#include <zephyr/kernel.h>

#define PPI_START_TX (1u << 20)
#define PPI_CAPTURE (1u << 26 | 1u << 27)
#define CC_START NRF_TIMER_CC_CHANNEL0
#define CC_ADDRESS NRF_TIMER_CC_CHANNEL1
#define CC_END NRF_TIMER_CC_CHANNEL2
#define CC_NOW NRF_TIMER_CC_CHANNEL3

/* Fast ramp-up, from the start of the transmitter to the first bit. */
#define RAMP_UP_US 40
/* Preamble and access address: from the first bit to ADDRESS. */
#define ADDRESS_US 40
/* Nearer than that the start is by software. */
#define MARGIN_US 20
#define SCAN_WINDOW_US 30000
#define IRQ_PRIORITY 1

#define ADVERTISING_ACCESS_ADDRESS 0x8e89bed6
#define CRC_POLYNOMIAL 0x65b
#define CRC_INIT 0x555555
#define ADV_NONCONN_IND 0x02
#define TX_ADD 0x40
#define HEADER_SIZE 2
#define ADDRESS_SIZE 6
#define PAYLOAD_MAX (ADDRESS_SIZE + MFD_AD_MAX)
#define PACKETS 32

/* What the radio does; it goes from one to the next in its interrupt, when it is DISABLED. */
enum activity {
	ACTIVITY_NONE,
	ACTIVITY_LISTENING,
	ACTIVITY_SENDING,
};

static struct {
	void (*wake)(void);
	uint64_t now_us;
	volatile enum activity activity;
	volatile bool listens;
	volatile bool sends;

	/* To send. */
	uint8_t packet[HEADER_SIZE + PAYLOAD_MAX];
	uint8_t channels_left;
	uint64_t at_us;
	int8_t power;
	bool is_first;
	uint64_t start_us;
	uint64_t end_us;
	volatile bool is_transmitted;

	/* To hear: one writer (the interrupt), one reader (the main thread). */
	uint8_t received[HEADER_SIZE + PAYLOAD_MAX];
	uint8_t channel;
	uint64_t window_end_us;
	struct mfd_packet packets[PACKETS];
	volatile uint32_t written;
	volatile uint32_t read;
	volatile uint32_t lost;
} radio;

uint64_t radio_now(void)
{
	unsigned int key = irq_lock();
	nrf_timer_task_trigger(NRF_TIMER0, nrf_timer_capture_task_get(CC_NOW));
	uint32_t low = nrf_timer_cc_get(NRF_TIMER0, CC_NOW);
	radio.now_us += (uint32_t)(low - (uint32_t)radio.now_us); /* wraps once in 71 minutes */
	uint64_t now = radio.now_us;
	irq_unlock(key);
	return now;
}

/* A time that was captured a short while ago. */
static uint64_t captured(nrf_timer_cc_channel_t channel)
{
	uint64_t now = radio_now();
	return now - (uint32_t)((uint32_t)now - nrf_timer_cc_get(NRF_TIMER0, channel));
}

static void tune(uint8_t channel)
{
	static const uint16_t FREQUENCIES[] = {2402, 2426, 2480};
	nrf_radio_frequency_set(NRF_RADIO, FREQUENCIES[channel - 37]);
	nrf_radio_datawhiteiv_set(NRF_RADIO, channel);
}

/* The next channel of the event; the first one at its time, the others at once. */
static void send_next(void)
{
	uint8_t index = 0;
	while (!(radio.channels_left >> index & 1)) {
		index++;
	}
	radio.channels_left &= (uint8_t)~(1u << index);
	radio.activity = ACTIVITY_SENDING;
	tune((uint8_t)(37 + index));
	nrf_radio_packetptr_set(NRF_RADIO, radio.packet);
	nrf_radio_shorts_set(NRF_RADIO, NRF_RADIO_SHORT_READY_START_MASK | NRF_RADIO_SHORT_END_DISABLE_MASK);
	if (!radio.is_first) {
		nrf_radio_task_trigger(NRF_RADIO, NRF_RADIO_TASK_TXEN);
		return;
	}
	nrf_radio_txpower_set(NRF_RADIO, (nrf_radio_txpower_t)(uint8_t)radio.power);
	unsigned int key = irq_lock();
	uint64_t start = radio.at_us - RAMP_UP_US;
	if (radio.at_us > radio_now() + RAMP_UP_US + MARGIN_US) {
		nrf_timer_cc_set(NRF_TIMER0, CC_START, (uint32_t)start);
		nrf_ppi_channels_enable(NRF_PPI, PPI_START_TX);
	} else {
		nrf_radio_task_trigger(NRF_RADIO, NRF_RADIO_TASK_TXEN);
	}
	irq_unlock(key);
}

static void listen_on(void)
{
	radio.activity = ACTIVITY_LISTENING;
	tune(radio.channel);
	nrf_radio_packetptr_set(NRF_RADIO, radio.received);
	nrf_radio_shorts_set(NRF_RADIO, NRF_RADIO_SHORT_READY_START_MASK | NRF_RADIO_SHORT_END_DISABLE_MASK |
						NRF_RADIO_SHORT_ADDRESS_RSSISTART_MASK);
	nrf_radio_task_trigger(NRF_RADIO, NRF_RADIO_TASK_RXEN);
}

/* The radio is DISABLED: sending goes before listening. */
static void go_on(void)
{
	radio.activity = ACTIVITY_NONE;
	if (radio.sends) {
		send_next();
	} else if (radio.listens) {
		listen_on();
	}
}

static void sent(void)
{
	if (radio.is_first) {
		nrf_ppi_channels_disable(NRF_PPI, PPI_START_TX);
		radio.is_first = false;
		radio.start_us = captured(CC_ADDRESS) - ADDRESS_US;
	}
	if (radio.channels_left == 0) {
		radio.end_us = captured(CC_END);
		radio.sends = false;
		radio.is_transmitted = true;
		radio.wake();
	}
}

static void heard(void)
{
	uint8_t length = radio.received[1];
	bool is_wanted = (radio.received[0] & 0x0f) == ADV_NONCONN_IND && length >= ADDRESS_SIZE && length <= PAYLOAD_MAX;
	if (!nrf_radio_crc_status_check(NRF_RADIO) || !is_wanted) {
		return;
	}
	if (radio.written - radio.read == PACKETS) {
		radio.lost++;
		return;
	}
	struct mfd_packet *packet = &radio.packets[radio.written % PACKETS];
	packet->time_us = captured(CC_END);
	packet->channel = radio.channel;
	packet->rssi = (int8_t)-nrf_radio_rssi_sample_get(NRF_RADIO);
	packet->is_random_address = (radio.received[0] & TX_ADD) != 0;
	memcpy(packet->address, radio.received + HEADER_SIZE, ADDRESS_SIZE);
	packet->length = (uint8_t)(length - ADDRESS_SIZE);
	memcpy(packet->data, radio.received + HEADER_SIZE + ADDRESS_SIZE, packet->length);
	radio.written++;
	radio.wake();
}

static void radio_isr(const void *unused)
{
	ARG_UNUSED(unused);
	if (!nrf_radio_event_check(NRF_RADIO, NRF_RADIO_EVENT_DISABLED)) {
		return;
	}
	bool has_packet = nrf_radio_event_check(NRF_RADIO, NRF_RADIO_EVENT_END);
	nrf_radio_event_clear(NRF_RADIO, NRF_RADIO_EVENT_DISABLED);
	nrf_radio_event_clear(NRF_RADIO, NRF_RADIO_EVENT_END);
	if (radio.activity == ACTIVITY_SENDING) {
		sent();
	} else if (radio.activity == ACTIVITY_LISTENING && has_packet) {
		heard();
	}
	go_on();
}

/* Ends what is being listened to, which makes the interrupt go on with what is wanted now; starts it if there is nothing. */
static void reconsider(void)
{
	unsigned int key = irq_lock();
	if (radio.activity == ACTIVITY_LISTENING) {
		nrf_radio_task_trigger(NRF_RADIO, NRF_RADIO_TASK_DISABLE);
	} else if (radio.activity == ACTIVITY_NONE) {
		go_on();
	}
	irq_unlock(key);
}

void radio_transmit(const struct mfd_event *event)
{
	unsigned int key = irq_lock();
	radio.packet[0] = ADV_NONCONN_IND | TX_ADD;
	radio.packet[1] = (uint8_t)(ADDRESS_SIZE + event->length);
	memcpy(radio.packet + HEADER_SIZE, event->address, ADDRESS_SIZE);
	memcpy(radio.packet + HEADER_SIZE + ADDRESS_SIZE, event->data, event->length);
	radio.channels_left = event->channels;
	radio.at_us = event->at_us;
	radio.power = event->power == MFD_POWER_DEFAULT ? 0 : event->power;
	radio.is_first = true;
	radio.sends = true;
	irq_unlock(key);
	reconsider();
}

void radio_listen(bool on)
{
	radio.listens = on;
	radio.window_end_us = radio_now() + SCAN_WINDOW_US;
	reconsider();
}

uint64_t radio_poll(void)
{
	if (!radio.listens) {
		return UINT64_MAX;
	}
	uint64_t now = radio_now();
	if (now >= radio.window_end_us) {
		unsigned int key = irq_lock();
		radio.channel = radio.channel == 39 ? 37 : (uint8_t)(radio.channel + 1);
		radio.window_end_us = now + SCAN_WINDOW_US;
		irq_unlock(key);
		reconsider();
	}
	return radio.window_end_us;
}

bool radio_take_transmitted(uint64_t *start_us, uint64_t *end_us)
{
	if (!radio.is_transmitted) {
		return false;
	}
	radio.is_transmitted = false;
	*start_us = radio.start_us;
	*end_us = radio.end_us;
	return true;
}

bool radio_take_packet(struct mfd_packet *packet)
{
	unsigned int key = irq_lock();
	bool is_there = radio.read != radio.written;
	if (is_there) {
		*packet = radio.packets[radio.read++ % PACKETS];
	}
	irq_unlock(key);
	return is_there;
}

uint32_t radio_take_lost(void)
{
	unsigned int key = irq_lock();
	uint32_t lost = radio.lost;
	radio.lost = 0;
	irq_unlock(key);
	return lost;
}

static void start_clock(void)
{
	nrf_timer_mode_set(NRF_TIMER0, NRF_TIMER_MODE_TIMER);
	nrf_timer_bit_width_set(NRF_TIMER0, NRF_TIMER_BIT_WIDTH_32);
	nrf_timer_prescaler_set(NRF_TIMER0, NRF_TIMER_FREQ_1MHz);
	nrf_timer_task_trigger(NRF_TIMER0, NRF_TIMER_TASK_CLEAR);
	nrf_timer_task_trigger(NRF_TIMER0, NRF_TIMER_TASK_START);
	nrf_ppi_channels_enable(NRF_PPI, PPI_CAPTURE);
}

/* Bluetooth Core Specification 5.4, Vol 6, Part B, 2 and 3: LE 1M, advertising physical channel PDU. */
static void configure(void)
{
	const nrf_radio_packet_conf_t packet = {
		.lflen = 8,
		.s0len = 1,
		.plen = NRF_RADIO_PREAMBLE_LENGTH_8BIT,
		.maxlen = PAYLOAD_MAX,
		.balen = 3,
		.whiteen = true,
	};
	nrf_radio_power_set(NRF_RADIO, true);
	nrf_radio_mode_set(NRF_RADIO, NRF_RADIO_MODE_BLE_1MBIT);
	nrf_radio_packet_configure(NRF_RADIO, &packet);
	nrf_radio_base0_set(NRF_RADIO, ADVERTISING_ACCESS_ADDRESS << 8);
	nrf_radio_prefix0_set(NRF_RADIO, ADVERTISING_ACCESS_ADDRESS >> 24);
	nrf_radio_txaddress_set(NRF_RADIO, 0);
	nrf_radio_rxaddresses_set(NRF_RADIO, 1);
	nrf_radio_crc_configure(NRF_RADIO, 3, NRF_RADIO_CRC_ADDR_SKIP, CRC_POLYNOMIAL);
	nrf_radio_crcinit_set(NRF_RADIO, CRC_INIT);
	nrf_radio_modecnf0_set(NRF_RADIO, true, RADIO_MODECNF0_DTX_Center);
	nrf_radio_int_enable(NRF_RADIO, NRF_RADIO_INT_DISABLED_MASK);
}

void radio_init(void (*wake)(void))
{
	radio.wake = wake;
	radio.channel = 37;
	start_clock();
	configure();
	IRQ_CONNECT(RADIO_IRQn, IRQ_PRIORITY, radio_isr, NULL, 0);
	irq_enable(RADIO_IRQn);
}
