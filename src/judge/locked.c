/*
 * locked.c
 *		Verify while judgements are locked out.
 */
#include "postgres.h"

#include "judge/judge.h"
#include "registry/registry.h"

/* Lock the registry, and do not wait for that with relations locked. */
static void
lock_registry(bool removes, WaitedFor *waited_for)
{
	if (waited_for->locks != NIL)
	{
		if (removes ? registry_try_lock_for_removal() : registry_try_lock_for_registration())
			return;
		verify_release_locks(waited_for);
	}
	if (removes)
		registry_lock_for_removal();
	else
		registry_lock_for_registration();
}

/* The lock is never held while waiting for a relation: see lock.c. */
void
judge_verify_locked(Requirement **reqs, int n, bool removes, Observation **answers)
{
	WaitedFor	waited_for = {0};

	for (;;)
	{
		VerifyOptions try = {.wait_for_locks = false};
		VerifyOptions wait = {.wait_for_locks = true, .waited_for = &waited_for};

		lock_registry(removes, &waited_for);
		if (verify_requirements(reqs, n, try, answers))
			break;
		if (removes)
			registry_unlock_for_removal();
		else
			registry_unlock_for_registration();
		(void) verify_requirements(reqs, n, wait, answers);
	}
	verify_release_locks(&waited_for);
}
