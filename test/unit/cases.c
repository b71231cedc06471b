/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <string.h>

#include "cases.h"

const uint8_t case_key[TAP_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

void
case_frame(const struct test_case *c, struct frame *f)
{
	frame_build(f, c->layers);
	if (c->patch != NULL)
		frame_hex(f->data + c->at, FRAME_ROOM - c->at, c->patch);
	if (c->keep != 0)
		frame_cut(f, c->keep);
	f->meta_tpid = c->meta_tpid;
	f->meta_tci = c->meta_tci;
}

void
case_conf(const struct test_case *c, struct tap_rss_conf *conf)
{
	unsigned int i;

	memset(conf, 0, sizeof(*conf));
	conf->types = c->types;
	conf->modifiers = c->modifiers;
	conf->algo = c->algo;
	conf->ipv6_prefix = c->prefix;
	conf->innermost = c->inner;
	conf->nb_queues = TAP_MAX_QUEUES;
	if (c->key_bit == 0)
		memcpy(conf->key, case_key, TAP_KEY_LEN);
	else
		conf->key[c->key_bit / 8] = (uint8_t)(0x80 >> c->key_bit % 8);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = i % TAP_MAX_QUEUES;
}

uint32_t
case_hash(const struct test_case *c)
{
	struct tap_rss_conf conf;
	uint8_t input[TAP_INPUT_LEN];
	unsigned int len = frame_hex(input, sizeof(input), c->input);

	if (c->exact)
		return c->hash;
	case_conf(c, &conf);
	return ref_hash(c->algo, conf.key, c->kind, input, len);
}

const struct case_list *const case_lists[] = {
	&cases_parse, &cases_tunnel, &cases_kind, &cases_hash, NULL,
};
