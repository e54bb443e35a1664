/*
 * guc.h
 *		The settings.
 */
#ifndef COMPAT_GUARD_GUC_H
#define COMPAT_GUARD_GUC_H

typedef enum GuardMode
{
	MODE_OFF,
	MODE_WARN,
	MODE_ENFORCE
} GuardMode;

typedef enum VerifyWhen
{
	VERIFY_AT_COMMIT,
	VERIFY_EACH_STATEMENT
} VerifyWhen;

extern int	guard_mode;			/* GuardMode */
extern int	guard_verify;		/* VerifyWhen */
extern int	guard_ddl_lock_timeout; /* milliseconds */
extern int	guard_large_relation;	/* kilobytes */
extern int	guard_lease_grace;	/* milliseconds */
extern int	guard_rollback_versions;
extern int	guard_max_findings_shown;
extern int	guard_verify_timeout;	/* milliseconds */
extern bool guard_check_candidates;
extern int	guard_journal_worker_timeout;	/* milliseconds */
extern bool guard_journal;

/* Return the name of the current mode, such as "enforce". */
extern const char *guard_mode_name(void);

/* Define the settings; once, from _PG_init. */
extern void guc_init(void);

#endif							/* COMPAT_GUARD_GUC_H */
