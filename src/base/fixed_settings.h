/*
 * fixed_settings.h
 *		The settings under which contracts are verified.
 */
#ifndef COMPAT_GUARD_SETTINGS_H
#define COMPAT_GUARD_SETTINGS_H

/*
 * Give every setting that could make a difference a fixed value, whatever the session
 * has.  search_path is left to the caller.  Return the level for AtEOXact_GUC(false,
 * level), which restores the settings, as the end of the subtransaction does.
 */
extern int	settings_fix(void);

#endif							/* COMPAT_GUARD_SETTINGS_H */
