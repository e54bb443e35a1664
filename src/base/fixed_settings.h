/*
 * fixed_settings.h
 *		The settings under which what a contract says is read.
 */
#ifndef COMPAT_GUARD_SETTINGS_H
#define COMPAT_GUARD_SETTINGS_H

/*
 * Give every setting that could make a difference a fixed value, whatever the
 * session has.  search_path is left to the caller.  Returns the level to give to
 * AtEOXact_GUC(false, ...), which takes it all back, as the end of the
 * subtransaction does.
 */
extern int	settings_fix(void);

#endif							/* COMPAT_GUARD_SETTINGS_H */
