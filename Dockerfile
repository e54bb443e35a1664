# PostgreSQL 15 of Debian 12 with compat_guard, built from this tree.
#	docker build -t compat_guard .
#	docker run -p 5432:5432 -e POSTGRES_PASSWORD=secret -v data:/var/lib/postgresql compat_guard
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential debhelper postgresql-server-dev-all
COPY . /build/compat-guard
WORKDIR /build/compat-guard
RUN dpkg-buildpackage -b -us -uc && rm ../*-dbgsym_*

FROM debian:12-slim
RUN --mount=type=bind,from=build,source=/build,target=/build \
	apt-get update && \
	mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf && \
	apt-get install -y --no-install-recommends /build/postgresql-15-compat-guard_*.deb postgresql-15-plpgsql-check && \
	rm -rf /var/lib/apt/lists/*
COPY docker/start /usr/local/bin/compat-guard-start
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
USER postgres
VOLUME /var/lib/postgresql
EXPOSE 5432
STOPSIGNAL SIGINT
CMD ["compat-guard-start"]
