"""GET /v1/verify: who the bearer of a token is, as FastAPI and PyJWT answer it; for uvicorn.

Environment: PUBLIC_KEY is a file with an RSA key of 2048 bits, PEM. `fastapi_verify.py FOLDER` writes such a pair and a
token of a day as FOLDER/public.pem and FOLDER/token.
"""

import datetime
import os
import pathlib
import sys
import typing

ALGORITHM = "RS256"
TOKEN_LIFETIME = datetime.timedelta(days=1)


def write_token(folder):
    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    folder.joinpath("public.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    claims = {
        "sub": "6931c0de-0000-4000-8000-000000000001",
        "email": "reader@example.org",
        "iat": now,
        "exp": now + TOKEN_LIFETIME,
    }
    folder.joinpath("token").write_text(jwt.encode(claims, key, ALGORITHM))


def create():
    import fastapi
    import fastapi.security
    import jwt
    import pydantic
    from cryptography.hazmat.primitives import serialization

    # Read once: PyJWT takes a key object as it is, and would read a PEM text with every token.
    key = serialization.load_pem_public_key(pathlib.Path(os.environ["PUBLIC_KEY"]).read_bytes())
    app = fastapi.FastAPI(openapi_url=None)
    bearer = fastapi.security.HTTPBearer()

    class Identity(pydantic.BaseModel):
        sub: str
        email: str
        exp: int

    # async: FastAPI would run a plain function in a thread pool, which pays only for what waits.
    @app.get("/v1/verify")
    async def verify(
        credentials: typing.Annotated[fastapi.security.HTTPAuthorizationCredentials, fastapi.Depends(bearer)],
    ) -> Identity:
        try:
            claims = jwt.decode(credentials.credentials, key, algorithms=[ALGORITHM])
        except jwt.InvalidTokenError as error:
            raise fastapi.HTTPException(401, "the token is not valid") from error
        return Identity(**claims)

    return app


if __name__ == "__main__":
    write_token(pathlib.Path(sys.argv[1]))
