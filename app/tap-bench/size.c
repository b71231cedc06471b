/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Receive and transmit as in rx.c and tx.c, by frame size and by burst. */

#include "worker.h"

static int
measure_rx(struct worker *w, unsigned int row, uint16_t len, uint16_t burst)
{
	const struct rx_row rx = { .row = row, .port = ONE_QUEUE, .len = len, .burst = burst };

	return rx_row_measure(w, &rx);
}

static int
measure_tx(struct worker *w, unsigned int row, uint16_t len, uint16_t burst)
{
	const struct tx_row tx = { .row = row, .len = len, .burst = burst };

	return tx_row_measure(w, &tx);
}

int
worker_size(struct worker *w)
{
	int err = 0;

	port_flush(&w->port[ONE_QUEUE]);
	raw_flush(&w->raw[ONE_QUEUE]);
	for (unsigned int i = 0; i < BENCH_SIZES && err == 0; i++) {
		uint16_t len = (uint16_t)bench_row_text[ROW_SIZE_RX + i].x;

		err = measure_rx(w, ROW_SIZE_RX + i, len, BENCH_BURST);
		if (err == 0)
			err = measure_tx(w, ROW_SIZE_TX + i, len, BENCH_BURST);
	}
	for (unsigned int i = 0; i < BENCH_BURSTS && err == 0; i++) {
		uint16_t burst = (uint16_t)bench_row_text[ROW_BURST_RX + i].x;

		err = measure_rx(w, ROW_BURST_RX + i, 60, burst);
		if (err == 0)
			err = measure_tx(w, ROW_BURST_TX + i, 60, burst);
	}
	return err;
}
