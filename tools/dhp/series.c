/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * series.c - from buckets of a millisecond to the points of a curve.
 *
 * A bin is a whole number of buckets, so that each bin holds equally many and the curve has no beat. The last,
 * unfinished bin is left out. More than sixteen colours cannot be told apart: neighbours then share a band.
 */
#include "series.h"

#include <stdlib.h>

#define SERIES_BINS 400u

static void series_add_lane(struct series *series, const struct lane *lane, uint32_t band, uint32_t bin_buckets)
{
	double seconds = series->bin_seconds;
	uint32_t bin, bucket;

	for (bin = 0; bin < series->bin_count; bin++) {
		uint32_t first = bin * bin_buckets;

		series->rates[band * series->bin_count + bin] +=
			(double)lane_count(lane, first, first + bin_buckets) / seconds;
		for (bucket = first; bucket < first + bin_buckets; bucket++) {
			uint64_t gap_ns = (uint64_t)lane->buckets[bucket].gap_us * NS_PER_US;

			if (gap_ns > series->gaps_ns[bin])
				series->gaps_ns[bin] = gap_ns;
		}
	}
}

static void series_tops(struct series *series)
{
	uint32_t bin, band;

	for (bin = 0; bin < series->bin_count; bin++) {
		double sum = 0;

		for (band = 0; band < series->band_count; band++)
			sum += series_rate(series, band, bin);
		series->rate_top = sum > series->rate_top ? sum : series->rate_top;
		if (series->gaps_ns[bin] > series->gap_top_ns)
			series->gap_top_ns = series->gaps_ns[bin];
	}
}

uint32_t series_band_first(const struct series *series, const struct result *result, uint32_t band)
{
	return (uint32_t)((uint64_t)band * result->processor_count / series->band_count);
}

static void series_add(struct series *series, const struct result *result, uint32_t bin_buckets)
{
	uint32_t band, at = 0;

	for (band = 0; band < series->band_count; band++)
		for (; at < series_band_first(series, result, band + 1); at++)
			series_add_lane(series, result->processors[at].lane, band, bin_buckets);
}

bool series_make(struct series *series, const struct result *result)
{
	const struct timeline *timeline = &result->demo->timeline;
	uint32_t bucket_count = timeline_bucket(timeline, result->demo->stop_ns);
	uint32_t bin_buckets = bucket_count / SERIES_BINS + 1;

	*series = (struct series){.band_count = result->processor_count};
	if (series->band_count > SERIES_BANDS_LIMIT)
		series->band_count = SERIES_BANDS_LIMIT;
	series->bin_count = bucket_count / bin_buckets;
	series->bin_seconds = seconds_of_ns(bin_buckets * timeline->bucket_ns);
	series->rates = calloc((size_t)series->band_count * series->bin_count + 1, sizeof(*series->rates));
	series->gaps_ns = calloc((size_t)series->bin_count + 1, sizeof(*series->gaps_ns));
	if (!series->rates || !series->gaps_ns)
		return false;
	series_add(series, result, bin_buckets);
	series_tops(series);
	return true;
}

void series_free(struct series *series)
{
	free(series->rates);
	free(series->gaps_ns);
}
