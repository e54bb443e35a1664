"""What can be switched on and off by name: SQL features, and ways of changing a schema.

A maker of contract.py, create.py or change.py belongs to one; all are on unless said
otherwise.  SHORT_WITHOUT is what the run in `make test` leaves out: what the guard is
known to answer wrongly or not at all.
"""

MAKERS = {}                 # kind -> [(weight, feature, function)]
FEATURES = set()
# Switches that are no maker of their own but asked for within makers.
SWITCHES = {"shadow", "deferrable", "generated", "invoker-view", "view-owner", "sql-body", "plpgsql-body", "atomic-body", "row-type",
            "overload-default", "capture-type", "capture-sequence", "literal", "deferrable-arbiter", "two-phase", "savepoint",
            "not-preloaded", "verify-statement", "verify-statement-loading", "view-of-itself"}
SHORT_WITHOUT = frozenset()


def maker(kind, feature, weight=1.0):
    """Declare a maker: a function that is given a Generator and returns what it makes, or None."""
    FEATURES.add(feature)

    def declare(function):
        MAKERS.setdefault(kind, []).append((weight, feature, function))
        return function
    return declare


def chosen(kind, on):
    return [(w, feature, f) for w, feature, f in MAKERS[kind] if feature in on]
