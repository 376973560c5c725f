/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tally.c - see tally.h.
 */
#include "tally.h"

static const struct {
	const char *word;
	const char *text;
} rules[] = {
#define X(name, word, text) [RULE_##name] = {word, text},
	TALLY_RULES(X)
#undef X
};

static const char *const deeds[] = {
#define X(name, text) [DEED_##name] = text,
	TALLY_DEEDS(X)
#undef X
};

static unsigned long long get(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

bool tally_check(struct tally *tally, enum rule rule, bool holds, uint64_t seen, uint64_t wanted)
{
	atomic_fetch_add_explicit(&tally->rules[rule].checked, 1, memory_order_relaxed);
	if (holds)
		return true;
	if (atomic_fetch_add_explicit(&tally->rules[rule].broken, 1, memory_order_relaxed) == 0) {
		atomic_store_explicit(&tally->rules[rule].seen, seen, memory_order_relaxed);
		atomic_store_explicit(&tally->rules[rule].wanted, wanted, memory_order_relaxed);
	}
	return false;
}

uint64_t tally_broken(const struct tally *tally)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < RULES_COUNT; i++)
		sum += get(&tally->rules[i].broken);
	return sum;
}

uint64_t tally_progress(const struct tally *tally)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < DEEDS_COUNT; i++)
		sum += get(&tally->deeds[i]);
	return sum;
}

void tally_print(const struct tally *tally, FILE *file)
{
	unsigned int i;

	for (i = 0; i < DEEDS_COUNT; i++)
		fprintf(file, "%-50s %14llu\n", deeds[i], get(&tally->deeds[i]));
	fprintf(file, "\nage, in grace periods, of what readers saw:\n");
	for (i = 0; i < TALLY_AGES; i++)
		fprintf(file, " %u: %llu", i, get(&tally->ages[i]));
	fprintf(file, "\n\n%-18s %14s %10s\n", "rule", "checked", "broken");
	for (i = 0; i < RULES_COUNT; i++)
		fprintf(file, "%-18s %14llu %10llu\n", rules[i].word, get(&tally->rules[i].checked),
			get(&tally->rules[i].broken));
	for (i = 0; i < RULES_COUNT; i++)
		if (get(&tally->rules[i].broken) != 0)
			fprintf(file, "VIOLATED %s: %s (%llu times; first: saw %llu, wanted %llu)\n", rules[i].word,
				rules[i].text, get(&tally->rules[i].broken), get(&tally->rules[i].seen),
				get(&tally->rules[i].wanted));
}
