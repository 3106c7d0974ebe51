# Stands in for the image caddy where no registry can be reached: Debian's.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends caddy wget >/dev/null \
 && rm -rf /var/lib/apt/lists
CMD ["caddy", "run"]
