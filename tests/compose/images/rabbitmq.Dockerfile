# Stands in for the image rabbitmq where no registry can be reached: Debian's.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends rabbitmq-server >/dev/null \
 && rm -rf /var/lib/apt/lists /var/lib/rabbitmq/* /var/lib/rabbitmq/.erlang.cookie \
 && mkdir -p /etc/rabbitmq/conf.d \
 && chmod 1777 /var/log/rabbitmq
ENV PATH=/usr/lib/rabbitmq/bin:$PATH HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
CMD ["rabbitmq-server"]
