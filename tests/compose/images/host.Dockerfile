# A machine that is deployed to: OpenSSH and Python, as on any Debian.
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends openssh-server >/dev/null \
 && rm -rf /var/lib/apt/lists /etc/ssh/ssh_host_* \
 && mkdir -p /run/sshd \
 && useradd --create-home --shell /bin/sh deploy \
 && usermod -p '*' deploy
CMD ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/host/sshd_config"]
