# Build:  docker build --build-arg REVISION=$(git rev-parse --short HEAD) -t tideover .
# Run:    docker run -v ./tideover.toml:/etc/tideover/tideover.toml:ro -p 6380:6380 tideover
#
# The listeners of the config must be reachable from outside the container (listen = ["0.0.0.0:6380"]); the admin
# listener may stay on the container's loopback, where the health check asks it.

ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY . .
ARG REVISION=unknown
RUN TIDEOVER_REVISION="${REVISION}" cargo build --release --locked --bin tideover

FROM ${RUNTIME_IMAGE}
COPY --from=build /src/target/release/tideover /usr/local/bin/tideover
COPY --from=build /src/LICENSE-MIT /src/LICENSE-APACHE /usr/share/doc/tideover/
# By number, so that an orchestrator can see that it is not root.
USER 65532:65532
EXPOSE 6380 9180
# The image has no shell and no curl, so the binary asks its own /healthz; TIDEOVER_ADMIN says where, if not on 9180.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/tideover", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tideover"]
CMD ["run", "--config", "/etc/tideover/tideover.toml"]
