# AllSpark in an image that holds it, the C library, certificates to trust, and nothing that could be
# misused: no shell, no package manager. The reasons are in docs/DEPLOY.md, "In a container".
#
#   docker build -t allspark .
#   docker run --read-only --cap-drop all --security-opt no-new-privileges \
#       --security-opt seccomp=deploy/seccomp.json --ulimit nofile=1048576 --ulimit memlock=-1 \
#       --stop-timeout 30 -p 8080:8080 allspark

# Both stages are of one release of Debian, so that the program meets the library it was linked with.
FROM rust:1.95-bookworm AS build
# The toolchain of the image, and no other one.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin allspark \
    && install -d /image/usr/bin \
    && strip --strip-unneeded -o /image/usr/bin/allspark target/release/allspark \
    && install -d -o 65534 -g 65534 /image/run/allspark /image/var/lib/allspark

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image /
# Nobody, by number.
USER 65534:65534
# Clients come to 8080. What only operators and the application may ask is answered at 8081, which is
# reached from other containers and is not to be published.
ENV ALLSPARK_LISTEN=:8080,:8081?internal \
    ALLSPARK_PAGE=false
EXPOSE 8080
# It drains; give it time (--stop-timeout).
STOPSIGNAL SIGTERM
# Asks /healthz where the variables above say that it listens: whoever changes them changes that, too.
HEALTHCHECK --interval=10s --timeout=10s --start-period=5s CMD ["/usr/bin/allspark", "health"]
ENTRYPOINT ["/usr/bin/allspark"]
CMD ["serve"]
