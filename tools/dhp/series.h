/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * series.h - the lanes of a run, summed up to as many points as a picture can show.
 */
#ifndef TOOL_SERIES_H
#define TOOL_SERIES_H

#include "result.h"

#define SERIES_BANDS_LIMIT 16u

struct series {
	uint32_t bin_count;    /* points in time */
	double bin_seconds;
	uint32_t band_count;   /* processors, or groups of neighbours when there are many */
	double *rates;         /* items a second: band * bin_count + bin */
	uint64_t *gaps_ns;     /* of each bin: longest gap of any processor that ended in it */
	double rate_top;       /* largest sum over the bands */
	uint64_t gap_top_ns;
};

/* False when there is no memory; series_free is then due too. */
bool series_make(struct series *series, const struct result *result);
void series_free(struct series *series);

/* The first processor of a band; that of the band after the last is the number of processors. */
uint32_t series_band_first(const struct series *series, const struct result *result, uint32_t band);

static inline double series_rate(const struct series *series, uint32_t band, uint32_t bin)
{
	return series->rates[band * series->bin_count + bin];
}

#endif
