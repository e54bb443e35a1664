"""What the makers draw from: a random source, the schema as it is, the features that are on, and what contracts speak of."""

import features
from world import ident

ROLES = ("fz_app", "fz_reader", "fz_owner")


class Generator:
    def __init__(self, rng, world, on, hot=()):
        self.rng = rng
        self.world = world
        self.enabled = on
        self.hot = set(hot)         # names that contracts mention
        self._schema = None

    def on(self, feature):
        assert feature in features.SWITCHES, feature
        return feature in self.enabled

    def schema(self):
        """The same one within a maker."""
        if self._schema is None:
            choices = ["public"] * 2 + [s for s in self.world.schemas if s != "public"]
            self._schema = self.rng.choice(choices)
        return self._schema

    def pick(self, things):
        """One of these, rather one that a contract mentions."""
        if not things:
            return None
        if self.hot and self.rng.random() < 0.75:
            mentioned = [t for t in things if t.name in self.hot]
            if mentioned:
                return self.rng.choice(mentioned)
        return self.rng.choice(things)

    def pick_column(self, relation, where=lambda c: True):
        columns = [c for c in relation.cols if where(c)] if relation else []
        if not columns:
            return None
        if self.hot and self.rng.random() < 0.8:
            mentioned = [c for c in columns if (relation.name + "." + c.name) in self.hot]
            if mentioned:
                return self.rng.choice(mentioned)
        return self.rng.choice(columns)

    def free(self, names, schema):
        there = {r.name for r in self.world.relations if r.schema == schema} | {t.name for t in self.world.types if t.schema == schema}
        choices = [n for n in names if n not in there]
        if not self.on("shadow"):
            choices = [n for n in choices if not self.world.taken(n)]
        return self.rng.choice(choices) if choices else None

    def free_function(self, names):
        there = {p.name for p in self.world.procs}
        choices = [n for n in names if n not in there]
        return self.rng.choice(choices) if choices else None

    def make(self, kind, name=None):
        """Call a maker of this kind, this one or any; returns (its name, its feature, what it made)."""
        makers = [x for x in features.chosen(kind, self.enabled) if name in (None, x[2].__name__)]
        for _ in range(20 if makers else 0):
            _, feature, function = self.rng.choices(makers, [w for w, _, _ in makers])[0]
            self._schema = None
            try:
                made = function(self)
            except IndexError:          # nothing to choose from, such as the columns of a table without any
                made = None
            if made:
                return function.__name__, feature, made
        return None


def roles():
    return ["CREATE ROLE fz_group", "CREATE ROLE fz_views", "CREATE ROLE fz_app LOGIN", "CREATE ROLE fz_reader LOGIN IN ROLE fz_group",
            "CREATE ROLE fz_owner LOGIN IN ROLE fz_group", "GRANT USAGE ON SCHEMA public TO fz_app, fz_group",
            "CREATE SCHEMA app", "CREATE SCHEMA old", "GRANT USAGE ON SCHEMA app, old TO fz_app, fz_group"]
