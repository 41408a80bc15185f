# Any builder image with Go in its PATH and Debian's file of certificates will do: no step needs a shell.
ARG BUILDER=docker.io/library/golang:1.26

FROM ${BUILDER} AS build
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN ["go", "mod", "download"]
COPY . .
RUN ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "/out/branchpoint", "./cmd/branchpoint"]
RUN ["/out/branchpoint", "config", "check", "configs/deploy/container.yaml"]
# The volume belongs to the user of the program. It is made here, for there is nothing in the image that could.
WORKDIR /volumes/cache

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/branchpoint /branchpoint
COPY --from=build --chown=65532:65532 /volumes/ /
COPY configs/deploy/container.yaml /etc/branchpoint/branchpoint.yaml
ENV BRANCHPOINT_CONFIG=/etc/branchpoint/branchpoint.yaml
USER 65532:65532
VOLUME /cache
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s CMD ["/branchpoint", "health"]
ENTRYPOINT ["/branchpoint"]
CMD ["serve"]
