/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reduction.c - the reduced search finds every end that the plain one finds.
 *
 * Small programs made by chance: each is searched by every.c, which notes each end (what is in memory, and all that was
 * read); then each of its schedules is tried, and may have no other end.
 */
#include "port.h"
#include "world.h"

#define WORDS 3u
#define FIBRES 3u
#define STEPS 4u
#define ENDS_LIMIT 65536u

enum action { LOAD, STORE, ADD, SWAP_IF, ADD_LOCKED, SET_FLAG, WAIT_FLAG, WAIT_EVENT, ACTIONS };

struct board {
	struct at_u32 words[WORDS];
	struct at_u32 flag;
	struct port_mutex lock;
	struct port_event event;
};

struct player {
	uint32_t number;
	uint64_t read; /* a hash of all that it has read */
};

static struct {
	enum action actions[FIBRES][STEPS];
	uint32_t words[FIBRES][STEPS];
	uint32_t fibres, steps;
	struct board *board;
	struct player *players;
} game;

/* Across runs, by intention. */
static uint64_t ends[ENDS_LIMIT];
static uint32_t ends_of;

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x9E3779B97F4A7C15ull + (hash >> 29) + 1;
}

static bool note_end(uint64_t hash, bool add)
{
	uint32_t at = (uint32_t)(hash % ENDS_LIMIT);

	while (ends[at] != 0 && ends[at] != hash)
		at = (at + 1) % ENDS_LIMIT;
	if (ends[at] == 0 && add)
		ends[at] = hash;
	return ends[at] == hash;
}

static void act(struct player *player, enum action action, struct at_u32 *word)
{
	struct board *board = game.board;
	uint32_t value = 0, ticket;

	switch (action) {
	case LOAD:
		value = at_load_acquire_u32(word);
		break;
	case STORE:
		at_store_release_u32(word, player->number + 1);
		break;
	case ADD:
		value = at_fetch_add_acq_rel_u32(word, 3);
		break;
	case SWAP_IF:
		(void)at_cas_acq_rel_u32(word, &value, player->number + 7);
		break;
	case ADD_LOCKED:
		port_mutex_lock(&board->lock);
		at_store_release_u32(word, at_load_acquire_u32(word) * 2 + player->number);
		port_mutex_unlock(&board->lock);
		break;
	case SET_FLAG:
		at_store_release_u32(&board->flag, 1);
		(void)port_event_signal(&board->event);
		break;
	case WAIT_FLAG:
		while (at_load_acquire_u32(&board->flag) == 0)
			port_relax();
		break;
	case WAIT_EVENT:
		ticket = port_event_ticket(&board->event);
		if (at_load_acquire_u32(&board->flag) == 0)
			port_event_wait(&board->event, ticket, 0);
		break;
	case ACTIONS:
		break;
	}
	player->read = mix(player->read, value);
}

static void play(void *argument)
{
	struct player *player = argument;

	for (uint32_t i = 0; i < game.steps; i++)
		act(player, game.actions[player->number][i], &game.board->words[game.words[player->number][i]]);
}

/* Only the first fibre sets the flag, and it waits for nobody. */
static void deal(uint32_t seed)
{
	uint64_t random = seed * 0x9E3779B97F4A7C15ull + 12345;

	game.fibres = seed % 3 == 0 ? 3 : 2;
	game.steps = game.fibres == 3 ? 2 : STEPS;
	for (uint32_t fibre = 0; fibre < game.fibres; fibre++)
		for (uint32_t i = 0; i < game.steps; i++) {
			game.actions[fibre][i] = (enum action)(dhpi_random(&random) >> 20) % ADD_LOCKED;
			game.words[fibre][i] = (uint32_t)(dhpi_random(&random) >> 20) % (seed % 2 + 2);
		}
	if (seed % 4 == 1) {
		game.actions[0][1] = SET_FLAG;
		game.actions[1][0] = seed % 8 == 1 ? WAIT_FLAG : WAIT_EVENT;
	}
	if (seed == 21) { /* who waits is not ready where it has to come first: it takes another to lead there */
		game.actions[0][0] = SET_FLAG;
		game.actions[0][1] = game.actions[1][1] = game.actions[2][1] = LOAD;
		game.actions[1][0] = WAIT_EVENT;
		game.actions[2][0] = STORE;
		game.words[0][1] = game.words[1][1] = game.words[2][0] = 0;
	}
	if (seed % 4 == 2)
		game.actions[0][0] = game.actions[1][1] = ADD_LOCKED;
}

static uint64_t end_of_game(void)
{
	uint64_t hash = 1;

	for (uint32_t i = 0; i < WORDS; i++)
		hash = mix(hash, at_load_acquire_u32(&game.board->words[i]));
	for (uint32_t i = 0; i < game.fibres; i++)
		hash = mix(hash, game.players[i].read);
	return hash != 0 ? hash : 1;
}

static void run(uint32_t seed, bool add)
{
	struct part parts[FIBRES];

	deal(seed);
	game.board = port_alloc(sizeof(*game.board));
	game.players = port_alloc(FIBRES * sizeof(*game.players));
	port_mutex_init(&game.board->lock);
	port_event_init(&game.board->event);
	for (uint32_t i = 0; i < game.fibres; i++) {
		game.players[i].number = i;
		parts[i] = (struct part){ "player", play, &game.players[i] };
	}
	together(parts, game.fibres);
	if (add && ends_of != seed)
		for (uint32_t i = 0; i < ENDS_LIMIT; i++)
			ends[i] = 0;
	ends_of = seed;
	FIBRE_DEMAND(note_end(end_of_game(), add));
	port_free(game.players, FIBRES * sizeof(*game.players));
	port_free(game.board, sizeof(*game.board));
}

#define PROGRAM(seed)                                                                                         \
	static void reduced_##seed(void)                                                                      \
	{                                                                                                     \
		run(seed, true);                                                                              \
	}                                                                                                     \
	static void plain_##seed(void)                                                                        \
	{                                                                                                     \
		run(seed, false);                                                                             \
	}

#define WORLDS_OF(seed)                                                                                       \
	{ .name = "program_" #seed "_reduced", .run = reduced_##seed },                                       \
	{ .name = "program_" #seed "_has_no_other_end", .run = plain_##seed, .strategy = BOUNDED, .bound = 100,       \
	  .runs = 22000 }

/* Three fibres: too many schedules for all of them. */
#define WORLDS_OF_THREE(seed)                                                                                 \
	{ .name = "program_" #seed "_reduced", .run = reduced_##seed },                                       \
	{ .name = "program_" #seed "_has_no_other_end_by_chance", .run = plain_##seed, .strategy = RANDOM,    \
	  .runs = 5000 }

#define FOR_EACH_SEED(X, separator)                                                                           \
	X(1) separator X(2) separator X(4) separator X(5) separator X(7) separator X(8) separator X(10)          \
	separator X(11) separator X(13) separator X(14) separator X(17) separator X(22) separator X(25) separator X(26)

#define NOTHING
#define COMMA ,

#define FOR_EACH_SEED_OF_THREE(X, separator) X(3) separator X(6) separator X(9) separator X(21)

FOR_EACH_SEED(PROGRAM, NOTHING)
FOR_EACH_SEED_OF_THREE(PROGRAM, NOTHING)

const struct world worlds[] = {
	FOR_EACH_SEED(WORLDS_OF, COMMA),
	FOR_EACH_SEED_OF_THREE(WORLDS_OF_THREE, COMMA),
	{ .name = NULL },
};
