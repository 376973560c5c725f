# SPDX-License-Identifier: BSD-2-Clause
#
# What each rival needs. One line a file of this folder; all are Debian packages, all are optional.

dhp_rival(ck PACKAGE libck-dev HEADERS ck_ring.h)
dhp_rival(moodycamel PACKAGE libconcurrentqueue-dev HEADERS concurrentqueue/concurrentqueue.h)
