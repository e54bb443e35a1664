/*
 * errors.h
 *		The SQLSTATEs compat_guard raises, all of class VG ("version guard").
 *
 * The SQL standard leaves classes beginning with 5-9 and I-Z to
 * implementations, and PostgreSQL uses none that begins with V, so drivers can
 * tell our errors from any other.  doc/operations.md lists them for users.
 */
#ifndef COMPAT_GUARD_ERRORS_H
#define COMPAT_GUARD_ERRORS_H

#include "utils/elog.h"

/* A DDL transaction would break a requirement of a live version. */
#define ERRCODE_GUARD_BREAKS_VERSION	MAKE_SQLSTATE('V', 'G', '0', '0', '1')
/* A statement would lock, rewrite or scan a large table, or meet rows it cannot hold. */
#define ERRCODE_GUARD_HAZARD			MAKE_SQLSTATE('V', 'G', '0', '0', '2')
/* Another transaction holds what a judgement or registration needs. */
#define ERRCODE_GUARD_BUSY				MAKE_SQLSTATE('V', 'G', '0', '0', '3')
/* No such app or version is registered. */
#define ERRCODE_GUARD_UNKNOWN_VERSION	MAKE_SQLSTATE('V', 'G', '0', '1', '0')
/* The contract document is not valid. */
#define ERRCODE_GUARD_CONTRACT_INVALID	MAKE_SQLSTATE('V', 'G', '0', '1', '1')
/* The version is registered with another contract. */
#define ERRCODE_GUARD_CONTRACT_CONFLICT	MAKE_SQLSTATE('V', 'G', '0', '1', '2')
/* The schema does not meet the contract and the caller required it to. */
#define ERRCODE_GUARD_NOT_READY			MAKE_SQLSTATE('V', 'G', '0', '1', '3')
/* The app belongs to another role. */
#define ERRCODE_GUARD_NOT_PERMITTED		MAKE_SQLSTATE('V', 'G', '0', '1', '4')
/* The version was retired. */
#define ERRCODE_GUARD_RETIRED			MAKE_SQLSTATE('V', 'G', '0', '1', '5')
/* The registry, or the extension itself, is damaged. */
#define ERRCODE_GUARD_DAMAGED			MAKE_SQLSTATE('V', 'G', '0', '2', '0')
/* The library and the extension's SQL objects are of different versions. */
#define ERRCODE_GUARD_VERSION_MISMATCH	MAKE_SQLSTATE('V', 'G', '0', '2', '1')

#endif							/* COMPAT_GUARD_ERRORS_H */
