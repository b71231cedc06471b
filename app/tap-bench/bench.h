/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_H
#define BENCH_H

/**
 * @file
 * dpdk-tap-bench: what a packet through a TAP port costs, beside the bare system
 * calls on a tap of its own and beside another net_tap driver.
 *
 * A process can hold only one driver called net_tap, so every driver runs in a
 * worker process with a network namespace of its own. The main process tells the
 * workers in turn to measure a round, and collects the samples.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** Packets put into a tap before it is drained, and written in one go. */
#define BENCH_FILL 512
/** Packets of one rte_eth_rx_burst() or rte_eth_tx_burst(). */
#define BENCH_BURST 32
/** The longest burst that is measured. */
#define BENCH_MAX_BURST 64
/** Queues of the taps of the sender and lone-packet sections. */
#define BENCH_QUEUES 4
/** Times that a pass is repeated in a round; the round's value is their median. */
#define BENCH_REPEATS 15
/** Queues of the taps of the queues section are powers of two: 1, 2, 4, 8. */
#define BENCH_WIDTHS 4
#define BENCH_MAX_QUEUES 8
/** Most threads that send at the same time. */
#define BENCH_MAX_SENDERS 8
/** Most samples in one reply of a worker. */
#define BENCH_MAX_SAMPLES 256
/** Drivers that one run can compare. */
#define BENCH_MAX_DRIVERS 2

/** Frame sizes and burst sizes of the size section. */
#define BENCH_SIZES 6
#define BENCH_BURSTS 7

/** What is measured on a raw tap and on a port, in pairs; bench_row_text tells more. */
enum bench_row {
	ROW_RX_60,
	ROW_RX_60_KEEP,
	ROW_RX_60_CSUM,
	ROW_RX_1500,
	ROW_RX_1500_CSUM,
	ROW_TX_60,
	ROW_TX_60_CSUM,
	ROW_TX_1500,
	ROW_TX_1500_CSUM,
	ROW_IDLE,
	ROW_SEND_V4_BYPASS,
	ROW_SEND_V6_BYPASS,
	ROW_SEND_V4_QDISC,
	ROW_SEND_V6_QDISC,
	ROW_SUPER_RX_CSUM,
	ROW_SUPER_RX,
	ROW_SUPER_RX_LRO,
	ROW_SUPER_TX_CSUM,
	ROW_SUPER_TX,
	ROW_SUPER_TX_UDP,
	ROW_CKSUM,
	ROW_SIZE_RX,
	ROW_SIZE_TX = ROW_SIZE_RX + BENCH_SIZES,
	ROW_BURST_RX = ROW_SIZE_TX + BENCH_SIZES,
	ROW_BURST_TX = ROW_BURST_RX + BENCH_BURSTS,
	ROW_QUEUES = ROW_BURST_TX + BENCH_BURSTS, /**< BENCH_WIDTHS for each number of senders */
	ROW_START = ROW_QUEUES + BENCH_MAX_SENDERS * BENCH_WIDTHS,
	ROW_START_PROBE, /**< this and the next ones: the parts of it, in order */
	ROW_START_SETUP,
	ROW_START_START,
	ROW_START_PACKET,
	ROW_WATCH_60,
	ROW_WATCH_1500,
	ROW_WATCH_CPU,
	ROW_COUNT
};

/** Lone-packet cases: sender and number of receive queues. */
enum bench_lone_case {
	LONE_BYPASS_1Q,
	LONE_BYPASS_4Q,
	LONE_QDISC_1Q,
	LONE_QDISC_4Q,
	LONE_CASES
};

/** Sections, as bits of bench_options.only. */
enum bench_section {
	SECTION_RX = 1 << 0,
	SECTION_TX = 1 << 1,
	SECTION_IDLE = 1 << 2,
	SECTION_SENDER = 1 << 3,
	SECTION_LONE = 1 << 4,
	SECTION_BPF = 1 << 5,
	SECTION_FLOW = 1 << 6,
	SECTION_SUPER = 1 << 7,
	SECTION_SIZE = 1 << 8,
	SECTION_QUEUES = 1 << 9,
	SECTION_START = 1 << 10,
	SECTION_WATCH = 1 << 11,
	SECTION_ALL = (1 << 12) - 1
};

/** What is measured of flow rules through rte_flow. */
enum bench_flow_rate {
	FLOW_LOAD_STEERING,
	FLOW_LOAD_FILTER,
	FLOW_ADD_SOME,
	FLOW_DESTROY_SOME,
	FLOW_ADD_ALL,
	FLOW_DESTROY_ALL,
	FLOW_RATES
};

/** Rules after the first one: of the rows "some" and of the rows "all". */
#define FLOW_SOME 16384
#define FLOW_ALL 32766

/** Programs that apply flow rules. */
enum bench_flow_program {
	FLOW_STEERING,
	FLOW_FILTER,
	FLOW_PROGRAMS
};

/** A frame of another flow in each run, or the same over and over. */
enum bench_flow_way {
	FLOW_VARIED,
	FLOW_SAME,
	FLOW_WAYS
};

/** Numbers of masks that are measured: powers of two up to 64. */
#define FLOW_MASK_STEPS 7

/** What a program meets. */
enum bench_flow_case {
	FLOW_PLAIN, /**< no rule: the program of ports without rules */
	FLOW_ONE,   /**< one rule, which matches */
	FLOW_MANY,  /**< FLOW_SOME rules of one mask, each frame another one's */
	FLOW_OUTER, /**< one mask that matches nothing; behind it two, four ... */
	FLOW_INNER = FLOW_OUTER + FLOW_MASK_STEPS, /**< the same inside a tunnel */
	FLOW_FIRST = FLOW_INNER + FLOW_MASK_STEPS, /**< a match that makes 63 masks needless */
	FLOW_FULL,                                 /**< a match with 63 more masks to look at */
	FLOW_CASES
};

/** Figures of the section: rates, then ns of programs. */
#define FLOW_ROWS (FLOW_RATES + FLOW_PROGRAMS * FLOW_WAYS * FLOW_CASES)
#define FLOW_ROW(program, way, what)                                                               \
	(FLOW_RATES + ((program)*FLOW_WAYS + (way)) * FLOW_CASES + (what))

/** What follows from these, for a program and a way. */
enum bench_flow_ratio {
	FLOW_MANY_OVER_ONE,
	FLOW_PER_OUTER_MASK,
	FLOW_PER_INNER_MASK,
	FLOW_RATIOS
};

/** What --loop asks for. */
enum bench_loop_kind {
	LOOP_NONE,
	LOOP_PLAIN, /**< one frame, one system call */
	LOOP_VNET   /**< super-frames whole, by a vnet header and TUNSETOFFLOAD */
};

/** Everything the command line says. */
struct bench_options {
	enum bench_loop_kind loop;
	const char *loop_iface[2];
	unsigned int loop_segments; /**< of a super-frame written at once; 0: all */
	unsigned int only;          /**< set of enum bench_section */
	unsigned int rounds;
	uint64_t lone_packets;   /**< over all lone-packet cases */
	uint64_t lone_reference; /**< at most that many for raw tap and other driver */
	unsigned int lone_gap_us;
	unsigned int core; /**< measures, and runs the DPDK bursts */
	unsigned int sender_core;
	unsigned int senders[BENCH_MAX_SENDERS]; /**< cores that can send, sender_core first */
	unsigned int nb_senders;
	const char *driver[BENCH_MAX_DRIVERS]; /**< plugin path, or "stock" */
	unsigned int nb_drivers;
	const char *devargs; /**< appended for drivers other than stock */
	const char *json;
	bool check;
	bool verbose;
	bool huge_pages; /**< there are enough free for all workers */
};

/** One paired measurement, in the unit of its row. */
struct bench_sample {
	uint32_t row; /**< enum bench_row, or ROW_COUNT and more: of flow rules */
	uint32_t reserved;
	double raw;
	double port;
};

/** Log-linear histogram of latencies in ns: 32 steps per power of two. */
#define BENCH_HIST_STEPS 32
#define BENCH_HIST_BUCKETS (41 * BENCH_HIST_STEPS)

/** Outcome of a lone-packet case. */
struct bench_lone {
	uint64_t sent;
	uint64_t stranded; /**< not delivered within a second */
	uint64_t late;     /**< delivered after more than a millisecond */
	uint64_t max_ns;
	/**
	 * Most polls of its queue that did not see a packet after send() had returned:
	 * the driver's part of the latency, whatever the scheduler does.
	 */
	uint64_t max_polls;
	uint64_t bucket[BENCH_HIST_BUCKETS];
};

/** What a worker says about itself once its ports are up. */
struct bench_info {
	char path[256]; /**< shared object whose receive burst is in use */
	char rung[160]; /**< the driver's line on where RSS runs */
	char memory[32];
	char cycles[64];      /**< what counts cycles */
	char flow_note[192];  /**< what could not be measured of flow rules */
	char queues_note[96]; /**< what could not be measured with queues */
	uint64_t tsc_hz;
	double getppid_ns; /**< of a system call that does nothing: the machine's speed */
	bool hash;         /**< RSS hash was delivered with every packet */
	bool ptype;        /**< packet type was delivered with every packet */
};

enum bench_op {
	OP_RX,
	OP_TX,
	OP_IDLE,
	OP_SEND,
	OP_LONE,
	OP_FLOW,
	OP_SUPER,
	OP_SIZE,
	OP_QUEUES,
	OP_START,
	OP_WATCH,
	OP_QUIT
};

/** Main process to worker. */
struct bench_cmd {
	uint32_t op;        /**< enum bench_op */
	uint32_t lone_case; /**< enum bench_lone_case */
	uint32_t raw;       /**< lone packets: through the raw tap */
	uint32_t gap_us;
	uint64_t count; /**< batches or packets */
	uint64_t seed;
};

/** Worker to main process. */
struct bench_reply {
	int32_t err; /**< 0, or a negative errno value with text set */
	uint32_t nb_samples;
	char text[192];
	double cycles_per_ns; /**< of the core that measured, during the command */
	struct bench_sample sample[BENCH_MAX_SAMPLES];
	struct bench_lone lone;
	struct bench_info info; /**< of the first reply */
};

/** Quantiles of a series. */
struct bench_summary {
	unsigned int n;
	double p5;
	double q1;
	double median;
	double q3;
	double p95;
};

/** Growing paired series of one row. */
struct bench_series {
	double *raw;
	double *port;
	unsigned int n;
	unsigned int cap;
};

/** Most combinations of program and packet. */
#define BENCH_MAX_PROGS 40

/** ns per packet of one BPF program for one kind of packet. */
struct bench_prog {
	const char *program;
	const char *packet;
	struct bench_series ns; /**< raw: empty program in the same round; port: the program */
};

/** All that a run found out. */
struct bench_results {
	struct bench_info info[BENCH_MAX_DRIVERS];
	struct bench_series row[BENCH_MAX_DRIVERS][ROW_COUNT];
	/** raw: 1 ns, port: cycles in it */
	struct bench_series clock[BENCH_MAX_DRIVERS];
	/** of programs, raw: the empty program in the same round */
	struct bench_series flow[BENCH_MAX_DRIVERS][FLOW_ROWS];
	struct bench_lone lone[BENCH_MAX_DRIVERS][LONE_CASES];
	struct bench_lone lone_raw[LONE_CASES];
	struct bench_prog prog[BENCH_MAX_PROGS];
	unsigned int nb_progs;
	char prog_note[160]; /**< why there are no program figures */
};

/** A figure to reach. */
struct bench_limit {
	const char *what;
	const char *unit;
	double limit;
	double value;
	uint64_t n; /**< samples behind value; 0: not measured */
	bool least; /**< the value must not be below the limit, else not above it */
	bool reached;
};

/** What a row is. The rows of a series have the same name, and differ in x. */
struct bench_row_text {
	const char *name;
	const char *unit;
	unsigned int section;
	unsigned int bytes; /**< passed in what is measured, or 0 */
	unsigned int x;
	const char *x_name; /**< NULL: not one of a series */
};
extern const struct bench_row_text bench_row_text[ROW_COUNT];
extern const char *const bench_lone_text[LONE_CASES];

/* rows.c */
/** Name of a single section. */
const char *bench_section_name(unsigned int section);
/** Section of that name, SECTION_ALL for "all", or 0. */
unsigned int bench_section_find(const char *name);
/** A row's name, with its x, for people. */
void bench_row_label(const struct bench_row_text *row, char *label, size_t size);
/** Bytes per cycle of a row that takes @p ns; 0 where it makes no sense. */
double bench_bytes_per_cycle(const struct bench_row_text *row, double ns,
			     const struct bench_series *clock);

/* stats.c */
void bench_summarize(const double *v, unsigned int n, struct bench_summary *s);
double bench_median(const double *v, unsigned int n);
/** Mean of the lowest 95 of 100: the others were disturbed. Sorts. */
double bench_trimmed_mean(double *v, unsigned int n);
int bench_series_add(struct bench_series *s, double raw, double port);
void bench_series_ratio(const struct bench_series *s, struct bench_summary *out);
double bench_series_p5_ratio(const struct bench_series *s);
void bench_series_free(struct bench_series *s);
unsigned int bench_hist_bucket(uint64_t ns);
void bench_lone_add(struct bench_lone *l, uint64_t ns);
void bench_lone_merge(struct bench_lone *to, const struct bench_lone *from);
uint64_t bench_lone_quantile(const struct bench_lone *l, double q);
uint64_t bench_lone_delivered(const struct bench_lone *l);

/* options.c */
int bench_options_parse(struct bench_options *opt, int argc, char **argv);

/* run.c */
/** Where the run stands, for someone who watches. */
void bench_progress(const char *what, uint64_t done, uint64_t all);
int bench_run(const struct bench_options *opt, struct bench_results *res);
void bench_results_free(struct bench_results *res);

/* worker.c */
/** Body of a worker process: never returns. */
_Noreturn void bench_worker(const struct bench_options *opt, unsigned int driver, int sock);

/* programs.c */
int bench_programs(const struct bench_options *opt, struct bench_results *res);

/* flowfigures.c */
extern const char *const bench_flow_rate_text[FLOW_RATES];
extern const char *const bench_flow_rate_unit[FLOW_RATES];
extern const char *const bench_flow_program_text[FLOW_PROGRAMS];
extern const char *const bench_flow_way_text[FLOW_WAYS];
extern const char *const bench_flow_case_text[FLOW_CASES];
extern const char *const bench_flow_ratio_text[FLOW_RATIOS];
/** A program's ns, without those of the empty one. */
void bench_flow_ns(const struct bench_series *s, struct bench_summary *out);
/** @param flow  the series of a driver */
void bench_flow_ratio(const struct bench_series *flow, enum bench_flow_ratio ratio,
		      enum bench_flow_program program, enum bench_flow_way way,
		      struct bench_summary *out);
void bench_flow_report(FILE *out, const struct bench_options *opt, const struct bench_results *res);

/* loop.c */
/**
 * Make two taps in this network namespace and forward between them until SIGTERM or
 * SIGINT; then print what went through, and the TSC cycles spent on it.
 *
 * @return 0 or a negative errno value
 */
int bench_loop(const struct bench_options *opt);

/* parts.c */
/**
 * write() a frame, behind its vnet header if the tap has one; a super-frame of IPv4 and TCP, if it
 * has more segments than so many, in parts of whole segments.
 *
 * @param segments  0: all frames whole, and without a vnet header nothing else
 * @param frame  overwritten where it is written in parts
 * @return whether the kernel took all of it
 */
bool parts_write(int fd, uint8_t *frame, size_t len, unsigned int segments);

/* report.c, limits.c, json.c */
void bench_report(FILE *out, const struct bench_options *opt, const struct bench_results *res);
unsigned int bench_limits(const struct bench_results *res, struct bench_limit *limit,
			  unsigned int max);
bool bench_limits_report(FILE *out, const struct bench_limit *limit, unsigned int n);
int bench_json_write(const struct bench_options *opt, const struct bench_results *res,
		     const struct bench_limit *limit, unsigned int nb_limits);

#endif /* BENCH_H */
