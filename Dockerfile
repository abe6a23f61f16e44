# syntax=docker/dockerfile:1
# Tweed's image: one bundled file, the package with native code that it loads, and the firewall programs.
# The same for linux/amd64 and linux/arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag tweed .
# The bundle comes out the same, byte for byte, wherever it is built. For the same base as well name it by its digest:
# --build-arg BASE=node@sha256:…
ARG BASE=node:26-trixie-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Install scripts would only compile: koffi comes compiled for both platforms, and raw-socket (ICMP probes, which
# no daemon sends) is left out.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY build.mjs tsconfig.json ./
COPY src src
COPY backends backends
COPY bench bench
RUN npm run build \
 && rm dist/*.map \
 && mkdir -p /tweed/node_modules \
 && cp -R dist /tweed \
 && cp -R node_modules/koffi node_modules/@koromix /tweed/node_modules

FROM ${BASE}
LABEL org.opencontainers.image.title="Tweed" \
      org.opencontainers.image.description="Overlay network daemon for Linux and Kubernetes, compatible with flannel" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables nftables \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /tweed /opt/tweed
COPY LICENSE /opt/tweed/LICENSE
# Called flanneld it is `tweed run`; /opt/bin/flanneld is where flannel's manifests look.
RUN mkdir -p /opt/bin \
 && for name in /usr/local/bin/tweed /usr/local/bin/flanneld /opt/bin/flanneld; do \
      ln -s /opt/tweed/dist/tweed.cjs "$name"; \
    done
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/tweed"]
CMD ["run"]
