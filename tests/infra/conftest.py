"""The site that compose.yaml describes, standing on this machine."""

from support.standing import image, minio_image, standing, tls

__all__ = ["image", "minio_image", "standing", "tls"]
