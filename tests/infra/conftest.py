"""The site that compose.yaml describes, standing on this machine."""

from support.standing import image, live, minio_image, standing, tls

__all__ = ["image", "live", "minio_image", "standing", "tls"]
