# SPDX-License-Identifier: BSD-2-Clause
#
# What each rival needs. One line a file of this folder; all are Debian packages, all are optional.

dhp_rival(condvar PACKAGE libc6-dev)
dhp_rival(ck PACKAGE libck-dev HEADERS ck_ring.h)
dhp_rival(urcu_queues PACKAGE liburcu-dev PKG_CONFIG liburcu-cds)
dhp_rival(urcu_call PACKAGE liburcu-dev PKG_CONFIG liburcu-memb)
dhp_rival(moodycamel PACKAGE libconcurrentqueue-dev HEADERS concurrentqueue/concurrentqueue.h)
dhp_rival(readerwriterqueue PACKAGE libreaderwriterqueue-dev HEADERS readerwriterqueue/readerwriterqueue.h)
dhp_rival(tbb PACKAGE libtbb-dev PKG_CONFIG tbb)
dhp_rival(boost PACKAGE libboost-dev HEADERS boost/lockfree/queue.hpp)
dhp_rival(glib PACKAGE libglib2.0-dev PKG_CONFIG glib-2.0)
dhp_rival(uv PACKAGE libuv1-dev PKG_CONFIG libuv)
dhp_rival(dpdk PACKAGE libdpdk-dev PKG_CONFIG libdpdk)
dhp_rival(mallocs PACKAGE libc6-dev HEADERS dlfcn.h)
dhp_rival(ck_epoch PACKAGE libck-dev HEADERS ck_epoch.h)
dhp_rival(urcu PACKAGE liburcu-dev HEADERS urcu/urcu-qsbr.h LIBRARIES urcu-memb urcu-bp urcu-qsbr)
dhp_rival(tbb_arrays PACKAGE libtbb-dev HEADERS tbb/enumerable_thread_specific.h LIBRARIES tbb)
