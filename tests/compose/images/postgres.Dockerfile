# Stands in for the image postgres where no registry can be reached: Debian's, with what we use of its entrypoint.
ARG BASE
FROM ${BASE}
RUN mkdir -p /etc/postgresql-common \
 && echo create_main_cluster = false >/etc/postgresql-common/createcluster.conf \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql-15 >/dev/null \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data \
 && chmod 3777 /run/postgresql \
 && rm -rf /var/lib/apt/lists
COPY postgres.sh /usr/local/bin/entrypoint
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["postgres"]
