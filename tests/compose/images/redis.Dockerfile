# Stands in for the image redis where no registry can be reached: Debian's.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends redis-server >/dev/null \
 && rm -rf /var/lib/apt/lists
WORKDIR /data
CMD ["redis-server"]
