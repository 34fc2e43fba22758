//! Products that are bought for a service.

/// Which of the platform's products a program is told are on; none by default,
/// and then SDKs do without.
///
/// This is only what programs are told. To say that the Image Optimizer is on
/// does not make images: a program that then asks for one is told
/// `UNSUPPORTED`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Products {
    /// The Image Optimizer.
    pub image_optimizer: bool,
    /// Domain Inspector.
    pub domain_inspector: bool,
    /// Origin Inspector.
    pub origin_inspector: bool,
}
