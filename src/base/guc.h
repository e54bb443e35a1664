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
extern char *guard_app;
extern char *guard_version;
extern char *guard_application_name_pattern;	/* has %a and then %v, or
												 * empty */
extern bool guard_learn;
extern int	guard_learn_lease;	/* seconds */
extern int	guard_learn_window; /* minutes; 0: no limit */
extern int	guard_learn_max_statements;

/* Counts the changes of app, version and application_name_pattern in this session. */
extern uint64 guard_identity_generation;

/* May the session say who it is?  If not, nothing else is to be asked. */
static inline bool
guard_says_who_it_is(void)
{
	return (guard_app != NULL && guard_app[0] != '\0') ||
		(guard_application_name_pattern != NULL && guard_application_name_pattern[0] != '\0');
}

/* Return the name of the current mode, such as "enforce". */
extern const char *guard_mode_name(void);

/* Define the settings; once, from _PG_init. */
extern void guc_init(void);

#endif							/* COMPAT_GUARD_GUC_H */
