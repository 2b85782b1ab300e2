# Postgres and nginx from Debian's packages, for machines that cannot pull images from a registry:
#
#   docker build -f deploy/services.Dockerfile --target postgres -t code-index-postgres --build-arg BASE=… deploy
#   docker build -f deploy/services.Dockerfile --target nginx    -t code-index-nginx    --build-arg BASE=… deploy
#
# then POSTGRES_IMAGE=code-index-postgres and NGINX_IMAGE=code-index-nginx in deploy/.env. Qdrant has no Debian package.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS postgres
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 && install -d -o postgres -g postgres /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data/pgdata
COPY postgres-start.sh /usr/local/bin/postgres-start
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/postgres-start"]
CMD ["postgres"]

FROM ${BASE} AS nginx
RUN apt-get update && apt-get install --yes --no-install-recommends nginx-light \
 && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/default
USER www-data
EXPOSE 8080 8443
CMD ["nginx", "-g", "daemon off;"]
