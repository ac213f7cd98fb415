/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tracepoint at each step of an update's life. Primary: issued, sent,
 * completed, durable (or given up). Backup: received, held, started (not for a
 * flush), applied.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hybridmirror

#if !defined(HM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HM_TRACE_H

#include <linux/tracepoint.h>

#include "core/update.h"

DECLARE_EVENT_CLASS(hm_update,

	TP_PROTO(const struct hm_update *u),
	TP_ARGS(u),
	TP_STRUCT__entry(
		__field(u64, seq)
		__field(u64, group)
		__field(u64, sector)
		__field(u32, sectors)
		__field(u16, volume)
		__field(u8, kind)
		__field(u8, flags)
	),
	TP_fast_assign(
		__entry->seq = u->seq;
		__entry->group = u->group;
		__entry->sector = u->sector;
		__entry->sectors = u->sectors;
		__entry->volume = u->volume;
		__entry->kind = u->kind;
		__entry->flags = u->flags;
	),
	TP_printk("volume=%u seq=%llu group=%llu kind=%s%s%s sector=%llu sectors=%u",
		  __entry->volume, __entry->seq, __entry->group,
		  __print_symbolic(__entry->kind,
				   { HM_WRITE, "write" },
				   { HM_WRITE_ZEROES, "write-zeroes" },
				   { HM_DISCARD, "discard" },
				   { HM_FLUSH, "flush" }),
		  __entry->flags & HM_FUA ? "+fua" : "",
		  __entry->flags & HM_NOUNMAP ? "+nounmap" : "",
		  __entry->sector, __entry->sectors)
);

#define HM_UPDATE_EVENT(name)				\
	DEFINE_EVENT(hm_update, name,			\
		     TP_PROTO(const struct hm_update *u),	\
		     TP_ARGS(u))

HM_UPDATE_EVENT(hm_issued);
HM_UPDATE_EVENT(hm_sent);
HM_UPDATE_EVENT(hm_completed);
HM_UPDATE_EVENT(hm_durable);
HM_UPDATE_EVENT(hm_received);
HM_UPDATE_EVENT(hm_held);
HM_UPDATE_EVENT(hm_started);
HM_UPDATE_EVENT(hm_applied);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
