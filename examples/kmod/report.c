// SPDX-License-Identifier: BSD-2-Clause
/*
 * report.c - /sys/kernel/debug/dhp: `status` to be read, `veto` to be written: a cpu whose coming is refused, -1 for none.
 */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "kmod.h"

static struct dhp_engine *machine;
static struct dentry *folder;

static int status_show(struct seq_file *out, void *unused)
{
	struct dhp_engine_stats stats;
	struct dhp_counts counts;

	(void)unused;
	(void)dhp_counts_read(machine, &counts);
	(void)dhp_engine_stats_read(machine, &stats);
	seq_printf(out, "maximum %u present %u active %u usable %u generation %llu\n", counts.maximum, counts.present,
		   counts.active, counts.usable, counts.generation);
	seq_printf(out, "arrivals %llu failed %llu diverted %llu\n", stats.arrivals_count, stats.arrivals_failed_count,
		   stats.diverted_count);
	load_show(out);
	events_show(out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

static ssize_t veto_write(struct file *file, const char __user *text, size_t bytes, loff_t *position)
{
	int cpu, error = kstrtoint_from_user(text, bytes, 10, &cpu);

	(void)file;
	if (error != 0)
		return error;
	events_veto(cpu);
	*position += (loff_t)bytes;
	return (ssize_t)bytes;
}

static const struct file_operations veto_fops = {
	.owner = THIS_MODULE,
	.write = veto_write,
};

/* Without debugfs there is no report, and all else goes on. */
void report_open(struct dhp_engine *engine)
{
	machine = engine;
	folder = debugfs_create_dir("dhp", NULL);
	(void)debugfs_create_file("status", 0400, folder, NULL, &status_fops);
	(void)debugfs_create_file("veto", 0200, folder, NULL, &veto_fops);
}

void report_close(void)
{
	debugfs_remove_recursive(folder);
}
