# Stands in for the image prometheus where no registry can be reached: Debian's.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends prometheus wget >/dev/null \
 && rm -rf /var/lib/apt/lists \
 && install -d -o nobody -g nogroup /prometheus
ENTRYPOINT ["prometheus"]
